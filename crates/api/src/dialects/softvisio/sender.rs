//! The sender of a message.

use http::{HeaderValue, header, request::Parts};

use crate::{
    auth::{Caller, credential},
    http::Problem,
    ports::Ports,
    state::App,
};

/// The sender of a request. In `Authorization`, the token may come without `Bearer`, also twice if it is the same.
pub(super) async fn sender<P: Ports>(mut parts: Parts, app: &App<P>) -> Result<Caller<P>, Problem> {
    for value in parts.headers.iter_mut().filter(|(name, _)| *name == header::AUTHORIZATION).map(|(_, value)| value) {
        let tokens: Vec<&str> = value.to_str().map(|text| text.split(", ").collect()).unwrap_or_default();
        if tokens.iter().any(|token| token.is_empty() || token.contains(' ')) {
            continue;
        }
        let named: Vec<_> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
        if let Ok(named) = HeaderValue::try_from(named.join(", ")) {
            *value = named;
        }
    }
    let text = credential::presented(&parts.headers)?;
    Caller::presenting(&parts, app, text).await
}
