//! Converts requests and responses between the platform and the API. Bodies are passed whole where possible: a stream of the
//! platform takes several calls and turns of the event loop for each.

use axum::body::{Body, HttpBody as _, to_bytes};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use worker::{
    Error, FromRequest, Result, WebSocket, js_sys, response_to_wasm, send::SendFuture, wasm_bindgen_futures::JsFuture,
};

/// The longest declared length of a request body that is read in one call, in bytes.
const WHOLE: u32 = 64 << 10;

/// How much is read at a time of a body that is longer than it was declared to be, in bytes.
const CHUNK: u32 = 16 << 10;

/// A request. Its body is not read before the API reads it.
pub(crate) struct Incoming(pub(crate) Request<Body>);

impl FromRequest for Incoming {
    fn from_raw(raw: web_sys::Request) -> core::result::Result<Self, impl Into<Box<dyn std::error::Error>>> {
        incoming(raw).map(Self)
    }
}

fn incoming(raw: web_sys::Request) -> Result<Request<Body>> {
    let head = head_of(&raw);
    let mut lines = head.split_terminator('\n');
    let (method, url) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(url);
    if let Some(headers) = request.headers_mut() {
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
    }
    let declared = request.headers_ref().and_then(declared_length).filter(|length| *length <= WHOLE);
    let body = match (raw.body(), declared) {
        (None, _) => Body::empty(),
        (Some(body), None) => Body::new(worker::Body::new(body)),
        (Some(body), Some(length)) => {
            let reading = Reading { body: body.unchecked_into(), reader: None, declared: length, has_ended: false };
            Body::from_stream(stream::unfold(reading, |reading| SendFuture::new(reading.next())))
        }
    };
    Ok(request.body(body)?)
}

/// The declared length of the body; `None` if there is none, or the body is sent in chunks: then a length does not count
/// (RFC 9112, section 6.3).
fn declared_length(headers: &HeaderMap) -> Option<u32> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that is being read. The platform does not hold every client to the declared length: a Worker that calls this one
/// through a service binding can send any length. So one byte more than declared is asked for, which an honest body ends
/// before, and a longer one is read on in parts, until the API stops at its limit.
struct Reading {
    body: ByteStream,
    reader: Option<ByteReader>,
    declared: u32,
    has_ended: bool,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<Vec<u8>>, Self)> {
        if self.has_ended {
            return None;
        }
        match self.read().await {
            Ok(bytes) if bytes.is_empty() => None,
            read => {
                self.has_ended |= read.is_err();
                Some((read, self))
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>> {
        let (reader, least, most) = match &self.reader {
            Some(reader) => (reader, 1, CHUNK),
            None => {
                let options = js_sys::Object::new();
                js_sys::Reflect::set(&options, &"mode".into(), &"byob".into())?;
                let all = self.declared + 1;
                (&*self.reader.insert(self.body.reader(&options)?), all, all)
            }
        };
        let read = reader.read_at_least(least, &js_sys::Uint8Array::new_with_length(most))?;
        let read = JsFuture::from(read).await?;
        let value = js_sys::Reflect::get(&read, &"value".into())?;
        let bytes = value.dyn_into::<js_sys::Uint8Array>().map(|array| array.to_vec()).unwrap_or_default();
        self.has_ended = (bytes.len() as u64) < u64::from(least);
        Ok(bytes)
    }
}

#[wasm_bindgen]
extern "C" {
    /// A stream of bytes of the platform.
    type ByteStream;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &ByteStream, options: &js_sys::Object) -> core::result::Result<ByteReader, JsValue>;

    /// Its reader into buffers of the caller.
    type ByteReader;

    /// The platform's extension of `read`: waits for so many bytes, or the end.
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(
        this: &ByteReader,
        least: u32,
        into: &js_sys::Uint8Array,
    ) -> core::result::Result<js_sys::Promise, JsValue>;

    /// Defined by `js/calls.mjs`: the method, the URL and the headers, in lines.
    #[wasm_bindgen(js_name = headOf)]
    fn head_of(request: &web_sys::Request) -> String;

    /// Defined by `js/calls.mjs`: a response with these headers, in lines.
    #[wasm_bindgen(catch, js_name = respond)]
    fn respond(
        status: u16,
        head: &str,
        body: Option<&js_sys::Uint8Array>,
        socket: Option<&web_sys::WebSocket>,
    ) -> core::result::Result<web_sys::Response, JsValue>;
}

/// The bytes that this promise of an `ArrayBuffer` yields.
pub(crate) async fn whole(reading: js_sys::Promise) -> Result<Vec<u8>> {
    Ok(js_sys::Uint8Array::new(&JsFuture::from(reading).await?).to_vec())
}

/// The response for the platform. A body whose length is known is in memory already; a snapshot is sent as it is read.
pub(crate) async fn outgoing(mut response: Response<Body>) -> Result<web_sys::Response> {
    if response.body().size_hint().exact().is_none() {
        return response_to_wasm(response);
    }
    let mut head = String::new();
    for (name, value) in response.headers() {
        for line in [name.as_str(), core::str::from_utf8(value.as_bytes())?] {
            head.push_str(line);
            head.push('\n');
        }
    }
    let (status, socket) = (response.status().as_u16(), response.extensions_mut().remove::<WebSocket>());
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = body.map_err(|error| Error::RustError(error.to_string()))?;
    // A response of some statuses cannot have a body, not even an empty one.
    let body = (!body.is_empty()).then(|| js_sys::Uint8Array::from(&*body));
    Ok(respond(status, &head, body.as_ref(), socket.as_ref().map(AsRef::as_ref))?)
}
