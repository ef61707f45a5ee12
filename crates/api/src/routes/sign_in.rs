//! Signing in by an identity provider, in a browser: there, and back with a session.
//!
//! These are navigations: whatever fails leads to the console, which is told a stable code and nothing that the provider
//! said.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use counterfoil_protocol::WebAddress;
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};

use super::sessions::Opened;
use crate::{
    auth::{
        AnonymousCaller,
        identity::{
            SignInContext,
            flow::{self, Flow, Return},
        },
    },
    http::{Json, Problem, Query, cookies, origin, problem::LoggedProblem},
    ports::Ports,
    state::App,
};

/// Where providers send browsers back to.
const CALLBACK: &str = "/v1/session/callback";

/// Where the console is.
const CONSOLE: &str = "/console/";

/// In which workspace, and by which provider.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// The workspace's slug.
    workspace: String,
    /// The provider's issuer; the first one where absent.
    issuer: Option<String>,
}

/// In which workspace.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Where {
    /// The workspace's slug.
    workspace: String,
}

/// Where one may sign in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SignInProviders {
    /// The providers, in the workspace's order.
    providers: Vec<SignInProvider>,
}

/// A provider that the console offers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct SignInProvider {
    /// Its issuer.
    issuer: WebAddress,
}

/// An unknown workspace answers as one without providers.
pub(crate) async fn providers<P: Ports>(
    caller: AnonymousCaller<P>,
    Query(Where { workspace }): Query<Where>,
) -> Result<Json<SignInProviders>, Problem> {
    let context = SignInContext::to(caller.ledger, caller.from, &workspace).await?;
    let mut issuers: Vec<WebAddress> = Vec::new();
    for provider in context.into_iter().flat_map(|context| context.providers) {
        if provider.sign_in && !issuers.contains(&provider.issuer) {
            issuers.push(provider.issuer);
        }
    }
    Ok(Json(SignInProviders { providers: issuers.into_iter().map(|issuer| SignInProvider { issuer }).collect() }))
}

/// Sends the browser to the provider.
pub(crate) async fn start<P: Ports>(
    State(app): State<App<P>>,
    caller: AnonymousCaller<P>,
    Query(wanted): Query<Start>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match set_out(&app, caller, wanted, &parts).await {
        Ok((address, flow)) => lead(StatusCode::FOUND, &address, vec![flow.keep()]),
        Err(problem) => lead_failed(StatusCode::FOUND, problem),
    }
}

async fn set_out<P: Ports>(
    app: &App<P>,
    caller: AnonymousCaller<P>,
    Start { workspace, issuer }: Start,
    parts: &Parts,
) -> Result<(String, Flow), Problem> {
    app.count_sign_in(caller.from.address).await?;
    let nowhere = || Problem::sign_in_failed("the workspace offers no such provider");
    let context = SignInContext::to(caller.ledger, caller.from, &workspace).await?.ok_or_else(nowhere)?;
    let mut offered = context.providers.iter().filter(|provider| provider.sign_in);
    let provider = offered.find(|provider| issuer.as_ref().is_none_or(|issuer| issuer == provider.issuer.as_str()));
    let provider = provider.ok_or_else(nowhere)?;
    let description = context.describe(provider).await?;
    let mut secret = [0; 32];
    app.ports.random(&mut secret);
    let flow = Flow::begin(secret, &workspace, provider);
    Ok((flow.address(&description.what.authorization_endpoint, &callback_of(parts)?), flow))
}

/// Takes the browser in, with the code that the provider gave it.
pub(crate) async fn callback<P: Ports>(
    State(app): State<App<P>>,
    caller: AnonymousCaller<P>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match come_back(&app, caller, &parts).await {
        Ok(session) => lead(StatusCode::SEE_OTHER, CONSOLE, vec![flow::forget(), session]),
        Err(problem) => lead_failed(StatusCode::SEE_OTHER, problem),
    }
}

/// The cookie of the session that was opened.
async fn come_back<P: Ports>(
    app: &App<P>,
    caller: AnonymousCaller<P>,
    parts: &Parts,
) -> Result<(HeaderName, String), Problem> {
    app.count_sign_in(caller.from.address).await?;
    let back = Return::parse(parts.uri.query().unwrap_or_default())?;
    let flow = Flow::of(&parts.headers).filter(|flow| flow.is_of(&back));
    let flow = flow.ok_or_else(|| Problem::sign_in_failed("the browser is on no such flow"))?;
    let context = SignInContext::to(caller.ledger, caller.from, &flow.workspace).await?;
    let context = context.ok_or_else(|| Problem::sign_in_failed("the workspace is gone"))?;
    let provider = flow.provider(&context.providers).cloned();
    let provider = provider.ok_or_else(|| Problem::sign_in_failed("the workspace offers the provider no more"))?;
    let description = context.describe(&provider).await?;
    let secret = app.config().client_secret(&provider.issuer, &provider.audience).map(str::to_owned);
    let token = context.redeem(&flow.redemption(back, &description.what, callback_of(parts)?, secret)?).await?;
    let opened: Opened = context.open_by(&provider, token, Some(&flow.nonce())).await?.look()?;
    Ok(cookies::keep(opened.text.expose(), opened.seconds))
}

/// Where the provider is to send the browser back to: where it asked.
fn callback_of(parts: &Parts) -> Result<String, Problem> {
    let own = origin::own(&parts.uri).ok_or_else(|| Problem::internal("the request does not say where it was sent"))?;
    Ok(format!("{own}{CALLBACK}"))
}

/// Leads the browser to the console, which says that nobody has signed in.
fn lead_failed(status: StatusCode, problem: Problem) -> Response {
    let address = format!("{CONSOLE}#/sign-in?failed={}", problem.code.as_str());
    let mut response = lead(status, &address, vec![flow::forget()]);
    response.extensions_mut().insert(LoggedProblem(problem));
    response
}

/// Leads the browser on. The address it comes from may hold a code, so it is not told where it goes.
fn lead(status: StatusCode, address: &str, headers: Vec<(HeaderName, String)>) -> Response {
    let mut response = status.into_response();
    let place = (header::LOCATION, address.to_owned());
    let discreet = (header::REFERRER_POLICY, "no-referrer".to_owned());
    for (name, value) in headers.into_iter().chain([place, discreet]) {
        // What is put here is of visible ASCII throughout.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
