//! The router: all routes, wrapped in the layers.

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, post},
};

use crate::{
    dialects,
    http::{Problem, gateway_request},
    layers::trace::trace,
    ports::Ports,
    routes::{authorize, oauth},
    state::App,
    table,
};

/// `OPTIONS` is answered with the path's methods (RFC 9110, section 9.3.7), which the router puts into `Allow`. Any other
/// method that the path does not support is rejected, with the same header.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::method_not_allowed().into_response()
    }
}

/// The whole API.
pub fn router<P: Ports>(app: App<P>) -> Router {
    gateway_request::route(routes(app))
}

fn routes<P: Ports>(app: App<P>) -> Router {
    table::routes()
        .merge(standards())
        .merge(dialects::routes())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(app.clone(), trace::<P>))
        .with_state(app)
}

/// Routes with the formats of other standards. They are not part of the OpenAPI document.
fn standards<P: Ports>() -> Router<App<P>> {
    Router::new()
        // A request without the gateway's token reaches these paths as they are, and is told that the token is missing.
        .route("/authorize", any(authorize::authorize::<P>))
        .route("/authorize/", any(authorize::authorize::<P>))
        .route("/authorize/{*path}", any(authorize::authorize::<P>))
        .route("/oauth/introspect", post(oauth::introspect::<P>))
        .route("/oauth/revoke", post(oauth::revoke::<P>))
}
