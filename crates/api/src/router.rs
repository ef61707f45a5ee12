//! The router: all routes, with the layers around them.

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, post},
};

use crate::{
    dialects,
    http::{Problem, question},
    layers::trace::trace,
    ports::Ports,
    routes::{authorize, oauth},
    state::App,
    table,
};

/// `OPTIONS` is answered with the methods that a path takes (RFC 9110, section 9.3.7), which the router names in `Allow`;
/// any other method that it does not take is refused, with the same header.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::method_not_allowed().into_response()
    }
}

/// The whole API.
pub fn router<P: Ports>(app: App<P>) -> Router {
    question::before(routes(app))
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

/// What other software speaks already. Their shapes are those of their standards, and no part of the OpenAPI document.
fn standards<P: Ports>() -> Router<App<P>> {
    Router::new()
        // Without its proof a gateway comes here by any path below, and is told that it is missing.
        .route("/authorize", any(authorize::authorize::<P>))
        .route("/authorize/", any(authorize::authorize::<P>))
        .route("/authorize/{*path}", any(authorize::authorize::<P>))
        .route("/oauth/introspect", post(oauth::introspect::<P>))
        .route("/oauth/revoke", post(oauth::revoke::<P>))
}
