//! Sign-in through an identity provider in a browser: the redirect to the provider, and the callback that opens a
//! session.
//!
//! These are navigations: any failure redirects to the console with a stable code, and with nothing that the provider
//! sent.

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
            flow::{self, AuthorizationResponse, Flow},
        },
    },
    http::{Json, Problem, Query, cookies, origin, problem::LoggedProblem},
    ports::Ports,
    state::App,
};

/// The path of the redirect URI.
const CALLBACK: &str = "/v1/session/callback";

/// The path of the console.
const CONSOLE: &str = "/console/";

/// In which workspace, and by which provider.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// The workspace's slug.
    workspace: String,
    /// The provider's issuer. Default: the first provider.
    issuer: Option<String>,
}

/// In which workspace.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceQuery {
    /// The workspace's slug.
    workspace: String,
}

/// The identity providers of a workspace that can be used to sign in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SignInProviders {
    /// The providers, in the workspace's order.
    providers: Vec<SignInProvider>,
}

/// An identity provider that the console offers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct SignInProvider {
    /// The issuer.
    issuer: WebAddress,
}

/// An unknown workspace gives the same response as one without providers.
pub(crate) async fn providers<P: Ports>(
    caller: AnonymousCaller<P>,
    Query(WorkspaceQuery { workspace }): Query<WorkspaceQuery>,
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

/// Redirects the browser to the provider.
pub(crate) async fn start<P: Ports>(
    State(app): State<App<P>>,
    caller: AnonymousCaller<P>,
    Query(wanted): Query<Start>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match begin(&app, caller, wanted, &parts).await {
        Ok((address, flow)) => redirect(StatusCode::FOUND, &address, vec![flow.keep()]),
        Err(problem) => redirect_failed(StatusCode::FOUND, problem),
    }
}

async fn begin<P: Ports>(
    app: &App<P>,
    caller: AnonymousCaller<P>,
    Start { workspace, issuer }: Start,
    parts: &Parts,
) -> Result<(String, Flow), Problem> {
    app.count_sign_in(caller.from.address).await?;
    let not_offered = || Problem::sign_in_failed("the workspace does not offer this provider");
    let context = SignInContext::to(caller.ledger, caller.from, &workspace).await?.ok_or_else(not_offered)?;
    let mut offered = context.providers.iter().filter(|provider| provider.sign_in);
    let provider = offered.find(|provider| issuer.as_ref().is_none_or(|issuer| issuer == provider.issuer.as_str()));
    let provider = provider.ok_or_else(not_offered)?;
    let description = context.describe(provider).await?;
    let mut secret = [0; 32];
    app.ports.random(&mut secret);
    let flow = Flow::begin(secret, &workspace, provider);
    Ok((flow.address(&description.what.authorization_endpoint, &callback_of(parts)?), flow))
}

/// Completes a sign-in with the code from the provider, and redirects to the console.
pub(crate) async fn callback<P: Ports>(
    State(app): State<App<P>>,
    caller: AnonymousCaller<P>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match complete(&app, caller, &parts).await {
        Ok(session) => redirect(StatusCode::SEE_OTHER, CONSOLE, vec![flow::forget(), session]),
        Err(problem) => redirect_failed(StatusCode::SEE_OTHER, problem),
    }
}

/// The cookie of the new session.
async fn complete<P: Ports>(
    app: &App<P>,
    caller: AnonymousCaller<P>,
    parts: &Parts,
) -> Result<(HeaderName, String), Problem> {
    app.count_sign_in(caller.from.address).await?;
    let back = AuthorizationResponse::parse(parts.uri.query().unwrap_or_default())?;
    let flow = Flow::of(&parts.headers).filter(|flow| flow.is_of(&back));
    let flow = flow.ok_or_else(|| Problem::sign_in_failed("the browser has no sign-in flow with this state"))?;
    let context = SignInContext::to(caller.ledger, caller.from, &flow.workspace).await?;
    let context = context.ok_or_else(|| Problem::sign_in_failed("the workspace no longer exists"))?;
    let provider = flow.provider(&context.providers).cloned();
    let provider = provider.ok_or_else(|| Problem::sign_in_failed("the workspace no longer offers this provider"))?;
    let description = context.describe(&provider).await?;
    let secret = app.config().client_secret(&provider.issuer, &provider.audience).map(str::to_owned);
    let token = context.redeem(&flow.redemption(back, &description.what, callback_of(parts)?, secret)?).await?;
    let opened: Opened = context.open_by(&provider, token, Some(&flow.nonce())).await?.read_as()?;
    Ok(cookies::keep(opened.text.expose(), opened.seconds))
}

/// The redirect URI: at the origin that the request was sent to.
fn callback_of(parts: &Parts) -> Result<String, Problem> {
    let own = origin::own(&parts.uri).ok_or_else(|| Problem::internal("the request has no host"))?;
    Ok(format!("{own}{CALLBACK}"))
}

/// Redirects the browser to the console, which reports that the sign-in failed.
fn redirect_failed(status: StatusCode, problem: Problem) -> Response {
    let address = format!("{CONSOLE}#/sign-in?failed={}", problem.code.as_str());
    let mut response = redirect(status, &address, vec![flow::forget()]);
    response.extensions_mut().insert(LoggedProblem(problem));
    response
}

/// Redirects the browser. The current URL may contain a code, so it is not sent as the referrer.
fn redirect(status: StatusCode, address: &str, headers: Vec<(HeaderName, String)>) -> Response {
    let mut response = status.into_response();
    let location = (header::LOCATION, address.to_owned());
    let policy = (header::REFERRER_POLICY, "no-referrer".to_owned());
    for (name, value) in headers.into_iter().chain([location, policy]) {
        // All of these values are visible ASCII.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
