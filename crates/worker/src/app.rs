//! The isolate's application and its entry point.

use std::cell::RefCell;

use axum::Router;
use counterfoil_api::{App, BackgroundWork, Config, Settings, Upgrade, router};
use tower_service::Service;
use worker::{Context, Env, Result, event};

use crate::{
    http::{Incoming, outgoing},
    ports::WorkerPorts,
    socket,
};

thread_local! {
    /// Created at the isolate's first request. A panic loses it together with the wasm instance; the next request
    /// creates it again.
    static APP: RefCell<Option<Router>> = const { RefCell::new(None) };
}

#[event(fetch)]
async fn fetch(request: Incoming, env: Env, context: Context) -> Result<web_sys::Response> {
    let mut app = app(&env)?;
    let mut response = app.call(request.0).await?;
    if let Some(background) = response.extensions_mut().remove::<BackgroundWork<WorkerPorts>>() {
        context.wait_until(background.run());
    }
    if let Some(upgrade) = response.extensions_mut().remove::<Upgrade<WorkerPorts>>() {
        response.extensions_mut().insert(socket::open(upgrade, context)?);
    }
    outgoing(response).await
}

fn app(env: &Env) -> Result<Router> {
    APP.with_borrow_mut(|app| {
        if let Some(app) = app {
            return Ok(app.clone());
        }
        let config = Config::parse(&Settings {
            root_token_digests: &secret(env, "ROOT_TOKEN_DIGESTS"),
            seal_secrets: &secret(env, "SEAL_SECRETS"),
            session_secrets: &secret(env, "SESSION_SECRETS"),
            snapshot_keys: &secret(env, "SNAPSHOT_KEYS"),
            client_secrets: &secret(env, "OIDC_CLIENT_SECRETS"),
            private_providers: &secret(env, "PRIVATE_PROVIDERS"),
        });
        let config = config.map_err(|error| worker::Error::RustError(error.to_string()))?;
        let ports = WorkerPorts::new(env)?;
        ports.log_missing();
        let made = router(App::new(ports, config));
        #[cfg(feature = "faults")]
        let made = crate::app::faults::routes(made);
        Ok(app.insert(made).clone())
    })
}

/// A secret or variable of the deployment. Empty if it is not set; parsers of required values reject that.
pub(crate) fn secret(env: &Env, name: &str) -> String {
    env.secret(name).map(|secret| secret.to_string()).unwrap_or_default()
}

#[cfg(feature = "faults")]
mod faults {
    use axum::{Router, routing::get};

    /// Routes that make this worker fail, for tests.
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub(super) fn routes(app: Router) -> Router {
        app.route("/faults/panic", get(async || -> &'static str { panic!("a test asked for it") }))
    }
}
