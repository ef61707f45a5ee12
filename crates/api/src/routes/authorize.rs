//! Forward authentication: a gateway has each request that it receives verified before it forwards it (nginx
//! `auth_request`, Caddy `forward_auth`, Envoy `ext_authz`, Traefik ForwardAuth).
//!
//! Proxies keep the request's method, append its path, and pass on its headers. So a gateway's request is answered here
//! whatever its method and path ([`gateway_request`](crate::http::gateway_request)), and the requirement comes only from
//! headers that the gateway sets, each of them once: if a client's own header came through beside the gateway's, the
//! request is rejected. Gateways treat any 2xx status as permission and know few other statuses, so the response is 200,
//! 401, 403 or 503. Some read the response's head into one buffer of 4 KiB and fail if it is longer, so its length is
//! bounded.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use counterfoil_token::Presented;
use counterfoil_verify::{Code, Decision, Demand, Freshness, Scope, ScopePattern, ScopeSet};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};

use super::verify::decide;
use crate::{
    auth::{
        Caller,
        credential::{no_credential, presented},
    },
    http::{
        Problem, ProblemCode,
        gateway_request::{ADDRESS, ANY_SCOPE, FRESHNESS, GATEWAY, SCOPES},
        identity_headers::{self, MAX_SCOPES},
        presented::domain,
    },
    ports::Ports,
    state::App,
};

/// Suffix of a freshness level: an eventual decision is acceptable if the ledger does not respond.
const OR_EVENTUAL: &str = " or eventual";

/// The client's address, according to the gateway.
enum ClientAddress {
    From(IpAddr),
    /// The header holds no address: one with a port, for example, or a local socket's.
    Unreadable,
    Missing,
}

pub(crate) async fn authorize<P: Ports>(State(app): State<App<P>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    verify_request(&app, &parts).await.map_err(with_gateway_status)
}

fn verify_request<'a, P: Ports>(app: &'a App<P>, parts: &'a Parts) -> BoxFuture<'a, Result<Response, Problem>> {
    Box::pin(async move {
        let text = presented(&parts.headers)?.ok_or_else(no_credential)?;
        let gateway = gateway(app, parts).await?;
        let client = client(&parts.headers)?;
        let demand = demand(&parts.headers, &client, Demand::of(gateway.workspace))?;
        // Tokens that were never issued are recognised by their authentication tag, so a flood of them does not even
        // cause checks of the gateway's own token.
        match Presented::parse(text.as_bytes()) {
            Err(why) => return Err(Problem::malformed(why)),
            Ok(Presented::Ours(token)) if !app.config().has_sealed(&token) => {
                return Err(Problem::credential(Code::Unknown));
            }
            Ok(_) => {}
        }
        let named = domain(&parts.headers, &text).map(str::to_owned);
        let decided = decide(&gateway, &[text], &demand).await;
        let decided = decided
            .map_err(|problem| if problem.status.is_server_error() { problem } else { gateway_not_allowed() })?;
        let decision = decided.into_iter().next().ok_or_else(|| Problem::internal("there was no decision"))?;
        // A token that is presented with another workspace's slug was never issued there.
        if let Some((named, known)) = named.zip(decision.known.as_ref())
            && known.facts().is_none_or(|facts| *named != *facts.workspace.slug)
        {
            return Err(Problem::credential(Code::Unknown));
        }
        match decision.code {
            Code::Valid => Ok(identity(&decision, &demand)),
            _ => Err(refusal(&decision, &demand, &client)),
        }
    })
}

/// The gateway that sends the request. Its token must be a native one: a third-party token would need a header that names
/// its workspace, and the client could have sent that header.
async fn gateway<P: Ports>(app: &App<P>, parts: &Parts) -> Result<Caller<P>, Problem> {
    let text = only_text(&parts.headers, &GATEWAY)?.unwrap_or_default();
    if !matches!(Presented::parse(text.as_bytes()), Ok(Presented::Ours(_))) {
        return Err(gateway_not_allowed());
    }
    Caller::presenting(parts, app, Some(text.to_owned())).await.map_err(|_| gateway_not_allowed())
}

/// The requirement that the gateway states.
fn demand(headers: &HeaderMap, client: &ClientAddress, mut demand: Demand) -> Result<Demand, Problem> {
    demand.all_of = scopes(headers, &SCOPES)?;
    demand.any_of = scopes(headers, &ANY_SCOPE)?;
    demand.address = match client {
        ClientAddress::From(address) => Some(*address),
        // An IP-restricted token is not valid from an unknown address.
        ClientAddress::Unreadable | ClientAddress::Missing => None,
    };
    if let Some(asked) = only_text(headers, &FRESHNESS)? {
        let with_less = asked.strip_suffix(OR_EVENTUAL);
        demand.or_eventual = with_less.is_some();
        let named = |level: &Freshness| level.as_str() == with_less.unwrap_or(asked);
        // There are no snapshots here.
        let level = Freshness::ALL.into_iter().filter(|level| *level != Freshness::Snapshot).find(named);
        demand.freshness = level.ok_or_else(|| {
            let how = "must be `strong`, `bounded` or `eventual`, or one of the first two followed by `or eventual`";
            wrong(&FRESHNESS, how)
        })?;
    }
    Ok(demand)
}

/// The client's address. If it cannot be read, tokens without an IP restriction are still valid.
fn client(headers: &HeaderMap) -> Result<ClientAddress, Problem> {
    let Some(value) = only_value(headers, &ADDRESS)? else { return Ok(ClientAddress::Missing) };
    let address = value.to_str().ok().and_then(|text| text.parse().ok());
    Ok(address.map_or(ClientAddress::Unreadable, ClientAddress::From))
}

fn scopes(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<Scope>, Problem> {
    let words = only_text(headers, name)?.unwrap_or_default().split_ascii_whitespace();
    words.map(|word| Scope::parse(word).map_err(|_| wrong(name, "contains an invalid scope"))).collect()
}

/// The header's one value.
fn only_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let read = |value: &'a HeaderValue| {
        value.to_str().map_err(|_| wrong(name, "contains characters other than visible ASCII"))
    };
    only_value(headers, name)?.map(read).transpose()
}

fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(wrong(name, "occurs twice: the gateway must remove the one that its client sent")),
        (value, None) => Ok(value),
    }
}

fn wrong(name: &HeaderName, how: &str) -> Problem {
    Problem::new(ProblemCode::InvalidDemand, format!("The gateway's header `{name}` {how}."))
}

fn gateway_not_allowed() -> Problem {
    let detail = "Only a gateway can send this request. `X-Counterfoil-Gateway` must be a valid token with the scope \
        `tokens:verify`.";
    Problem::new(ProblemCode::GatewayNotAllowed, detail)
}

/// Why the token is rejected. The message says so if the gateway caused it.
fn refusal(decision: &Decision, demand: &Demand, client: &ClientAddress) -> Problem {
    let problem = Problem::decided(decision, demand);
    match (decision.code, client) {
        (Code::AddressNotAllowed, ClientAddress::Unreadable) => {
            let detail = format!(
                "The token can be used only from certain IP addresses, and the gateway's header `{ADDRESS}` cannot \
                 be read. It must be one IP address without a port."
            );
            problem.saying(detail)
        }
        (Code::AddressNotAllowed, ClientAddress::Missing) => {
            let detail = format!(
                "The token can be used only from certain IP addresses, and the gateway did not send the client's \
                 address in `{ADDRESS}`."
            );
            problem.saying(detail)
        }
        _ => problem,
    }
}

/// Tells the gateway, and through it the origin server, who the caller is.
fn identity(decision: &Decision, demand: &Demand) -> Response {
    let mut response = StatusCode::OK.into_response();
    let Some(facts) = decision.facts() else { return response };
    let (scopes, is_whole) = named_scopes(&facts.effective_scopes(), demand);
    let mut tell = |name: &'static str, value: &str| {
        // Ids, slugs and scopes are visible ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    tell(identity_headers::ID, &facts.token.id);
    tell(identity_headers::OWNER, &facts.owner.id);
    tell(identity_headers::SCOPES, &scopes);
    tell(identity_headers::SCOPES_COMPLETE, if is_whole { "true" } else { "false" });
    tell(identity_headers::WORKSPACE, &facts.workspace.slug);
    // Also sent if there is none: it must overwrite what the client sent in this header.
    tell(identity_headers::CLIENT, facts.token.client_id.as_deref().unwrap_or_default());
    response
}

/// The scopes to name in the response, and whether they are all. If they exceed the limit, the required ones come first,
/// and none is truncated.
fn named_scopes(scopes: &ScopeSet, demand: &Demand) -> (String, bool) {
    let is_demanded = |scope: &&ScopePattern| demand.all_of.iter().chain(&demand.any_of).any(|one| scope.covers(one));
    let (demanded, others): (Vec<_>, Vec<_>) = scopes.iter().partition(is_demanded);
    let mut room = MAX_SCOPES + 1;
    let mut kept: Vec<_> = demanded.into_iter().chain(others).map(ScopePattern::as_str).collect();
    let all = kept.len();
    kept.retain(|scope| {
        let left = room.checked_sub(scope.len() + 1);
        // After the first one that is too long, no later one is named in its place.
        room = left.unwrap_or_default();
        left.is_some()
    });
    let is_whole = kept.len() == all;
    kept.sort_unstable();
    (kept.join(" "), is_whole)
}

/// Replaces the problem's status by one that gateways know.
fn with_gateway_status(problem: Problem) -> Problem {
    let status = match problem.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => problem.status,
        StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem.with_status(status)
}
