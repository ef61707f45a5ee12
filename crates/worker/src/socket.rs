//! A WebSocket between the platform and the API, which answers its frames.

use std::task::{Context, Poll};

use counterfoil_api::{BackgroundWork, Frame, Upgrade, Wire};
use futures_util::StreamExt;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{EventStream, Result, WebSocket, WebSocketPair, WebsocketEvent, wasm_bindgen_futures::spawn_local};

use crate::ports::WorkerPorts;

/// Accepts the socket and returns its client end, which is sent with the response. Each frame is answered in the turn
/// in which it arrives. The runtime keeps the request for as long as the socket is open.
pub(crate) fn open(upgrade: Upgrade<WorkerPorts>, request: worker::Context) -> Result<WebSocket> {
    let WebSocketPair { client, server: socket } = WebSocketPair::new()?;
    socket.accept()?;
    close_when_lost(socket.as_ref());
    spawn_local(async move {
        match socket.events() {
            Ok(events) => upgrade.run(Open { socket: &socket, events, request }).await,
            Err(error) => worker::console_error!("the socket provides no events: {error}"),
        }
    });
    Ok(client)
}

#[wasm_bindgen]
extern "C" {
    /// Defined by the entry module. A trap ends this instance, after which no code would answer the socket's frames.
    #[wasm_bindgen(js_name = closeWhenLost)]
    fn close_when_lost(socket: &web_sys::WebSocket);
}

struct Open<'a> {
    socket: &'a WebSocket,
    events: EventStream<'a>,
    request: worker::Context,
}

impl Wire<WorkerPorts> for Open<'_> {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.events.poll_next_unpin(context).map(|event| match event {
            Some(Ok(WebsocketEvent::Message(message))) => Some(message.text().map_or(Frame::Binary, Frame::Text)),
            Some(Ok(WebsocketEvent::Close(_)) | Err(_)) | None => None,
        })
    }

    fn send(&mut self, text: &str) {
        // A closed or broken socket accepts nothing more; the next frame reports that.
        self.socket.send_with_str(text).unwrap_or_default();
    }

    fn close(&mut self, code: u16, reason: &str) {
        // The socket may be closed already.
        self.socket.close(Some(code), Some(reason)).unwrap_or_default();
    }

    fn go_on(&mut self, background: BackgroundWork<WorkerPorts>) {
        self.request.wait_until(background.run());
    }
}
