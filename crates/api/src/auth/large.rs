//! Large bodies: they are read only for callers that may send them.

use axum::extract::Request;
use counterfoil_protocol::{BuiltIn, command::CheckScope};
use futures_util::future::BoxFuture;
use http::header;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::{
    auth::caller::Caller,
    http::{
        Problem,
        body::{MAX_BODY, fit, incomplete, is_json, no_body, not_declared_json, parse_any, too_large},
    },
    ports::Ports,
};

impl<P: Ports> Caller<P> {
    /// Reads a JSON body of at most `limit` bytes for a route that needs this scope. More than 64 KiB are read only after
    /// the ledger has confirmed that the caller has the scope, so others cannot make an isolate read megabytes.
    pub(crate) async fn large<T: DeserializeOwned>(
        &self,
        request: Request,
        limit: usize,
        scope: BuiltIn,
    ) -> Result<T, Problem> {
        let bytes = self.large_bytes(request, limit, scope).await?;
        fit(parse_any(&bytes)?.ok_or_else(no_body)?)
    }

    /// The part that is the same for every type.
    fn large_bytes(&self, request: Request, limit: usize, scope: BuiltIn) -> BoxFuture<'_, Result<Vec<u8>, Problem>> {
        Box::pin(async move {
            if !is_json(request.headers()) {
                return Err(not_declared_json());
            }
            let declared =
                request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            let mut body = request.into_body();
            let mut bytes = Vec::new();
            let mut is_authorized = false;
            if declared.is_some_and(|declared: usize| declared > limit) {
                return Err(too_large(limit));
            }
            loop {
                // Also if the body is only declared to be large, before that many bytes have arrived.
                if !is_authorized && declared.unwrap_or(bytes.len()).max(bytes.len()) > MAX_BODY {
                    self.ask(CheckScope { scope }).await?;
                    is_authorized = true;
                }
                let Some(frame) = body.frame().await else { return Ok(bytes) };
                let data = frame.map_err(|_| incomplete())?.into_data().unwrap_or_default();
                if bytes.len() + data.len() > limit {
                    return Err(too_large(limit));
                }
                bytes.extend_from_slice(&data);
            }
        })
    }
}
