//! The whole API.

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, delete, get, post},
};

use crate::{
    dialects::{self, softvisio},
    http::{problem::Problem, question},
    layers::trace::trace,
    ports::Ports,
    routes::{
        audit, authorize, clients, members, oauth, scopes, sessions, sign_in, snapshots, tokens, verify, workspaces,
    },
    state::App,
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
    Router::new()
        .route("/", get(softvisio::start::<P>))
        .route("/healthz", get(async || "ok\n"))
        .route("/v1/workspaces", post(workspaces::create::<P>))
        .route(
            "/v1/workspace",
            get(workspaces::read::<P>).patch(workspaces::update::<P>).delete(workspaces::delete::<P>),
        )
        .route("/v1/scopes", get(scopes::read::<P>).put(scopes::replace::<P>))
        .route("/v1/members", get(members::list::<P>).post(members::create::<P>))
        .route("/v1/members/{id}", get(members::read::<P>).patch(members::update::<P>).delete(members::erase::<P>))
        .route("/v1/clients", get(clients::list::<P>).post(clients::create::<P>))
        .route("/v1/clients/{id}", get(clients::read::<P>).delete(clients::delete::<P>))
        .route("/v1/audit", get(audit::read::<P>))
        .route("/v1/session", get(sessions::read::<P>).post(sessions::open::<P>).delete(sessions::end::<P>))
        .route("/v1/session/providers", get(sign_in::providers::<P>))
        .route("/v1/session/start", get(sign_in::start::<P>))
        .route("/v1/session/callback", get(sign_in::callback::<P>))
        .route("/v1/sessions", get(sessions::list::<P>))
        .route("/v1/sessions/{id}", delete(sessions::end_one::<P>))
        .route("/v1/tokens", get(tokens::list::<P>).post(tokens::create::<P>))
        .route("/v1/tokens/self", get(tokens::read_self::<P>))
        .route("/v1/tokens/{id}", get(tokens::read::<P>).patch(tokens::update::<P>).delete(tokens::revoke::<P>))
        .route("/v1/tokens/{id}/rotate", post(tokens::rotate::<P>))
        .route("/v1/tokens/{id}/usage", get(tokens::usage::<P>))
        .route("/v1/tokens/revoke", post(tokens::revoke_many::<P>))
        .route("/v1/tokens/import", post(tokens::import::<P>))
        .route("/v1/verify", post(verify::verify::<P>))
        .route("/v1/records", post(verify::records::<P>))
        .route("/v1/lease", post(verify::lease::<P>))
        .route("/v1/snapshot", get(snapshots::read::<P>))
        .route("/v1/snapshot/keys", get(snapshots::keys::<P>))
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
