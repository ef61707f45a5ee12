//! Token introspection (RFC 7662) and revocation (RFC 7009), for software that speaks these already.
//!
//! The caller authenticates with a token as its secret: as a Bearer, by HTTP Basic, or in the form as `client_secret`
//! (RFC 6749, section 2.3.1). Which `client_id` it names with that makes no difference.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_ledger::command::{ReadSelf, RevokeToken, RevokeTokens, Selection, TokenFilter};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Decision, Demand, Known, ScopePattern};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::verify::decide;
use crate::{
    answer::Answer, app::App, body, condition::Head, credential::Caller, origin, ports::Ports, problem::Problem,
};

/// What is said of a token: RFC 7662, section 2.2. Times are in seconds.
#[derive(Default, Serialize)]
pub(super) struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The owner's member id.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    /// The owner's member id: it is unique in the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The workspace's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// This deployment's origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// An error: RFC 6749, section 5.2.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A request to one of the two.
struct Form {
    parts: Parts,
    /// The token in question.
    token: String,
    /// The secret that the caller authenticates with.
    secret: Option<String>,
}

pub(super) async fn introspect<P: Ports>(
    State(app): State<App<P>>,
    request: Request,
) -> Result<Answer<Introspection>, Problem> {
    let Form { parts, token, secret } = Form::read(request).await?;
    // The verifier answers here, not the ledger, which knows what pages a workspace allows.
    if origin::foreign(&parts.headers, &parts.uri).is_some() {
        return Err(Problem::origin_not_allowed());
    }
    let secret = secret.ok_or_else(no_secret)?;
    let caller = Caller::presenting(&parts, &app, Some(secret)).await?;
    // Where the client calls from is not known here; a token that is bound to addresses is not active without it.
    let decisions = decide(&caller, &[token], &Demand::of(caller.workspace)).await?;
    match decisions.into_iter().next() {
        Some(decision) if decision.code == Code::Unavailable => Err(Problem::credential(Code::Unavailable)),
        Some(decision) if decision.code == Code::Valid => {
            Ok(Answer(Introspection { iss: origin::own(&parts.uri), ..Introspection::from(&decision) }))
        }
        _ => Ok(Answer(Introspection::default())),
    }
}

/// Revokes the token in the name of the caller, or in its own: who has a token may end it. A token that is not known, or
/// that the caller may not see, is answered like one that was revoked (section 2.2).
pub(super) async fn revoke<P: Ports>(State(app): State<App<P>>, request: Request) -> Result<Response, Problem> {
    let Form { parts, token, secret } = Form::read(request).await?;
    let in_its_own_name = secret.as_ref().is_none_or(|secret| *secret == token);
    let digest = Digest::of(token.as_bytes());
    let revoked = async {
        let caller = Caller::presenting(&parts, &app, Some(secret.unwrap_or(token))).await?;
        if in_its_own_name {
            let Head { id, .. } = caller.ask(ReadSelf {}).await?.look()?;
            caller.ask(RevokeToken { id, reason: None }).await.map(drop)
        } else {
            let select = Selection::Filter(TokenFilter { digest: Some(digest), ..TokenFilter::default() });
            caller.ask(RevokeTokens { select, reason: None }).await.map(drop)
        }
    };
    match revoked.await {
        // It does not pass any more, which is what was asked for.
        Err(problem) if in_its_own_name && problem.status == StatusCode::UNAUTHORIZED => {
            Ok(StatusCode::OK.into_response())
        }
        Err(problem) => Err(problem),
        Ok(()) => Ok(StatusCode::OK.into_response()),
    }
}

/// A problem, as these endpoints tell it.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let error = match problem.status {
        StatusCode::UNAUTHORIZED => "invalid_client",
        StatusCode::FORBIDDEN => "insufficient_scope",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "temporarily_unavailable",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request",
    };
    let status =
        if problem.status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { problem.status };
    (status, Answer(Refused { error, error_description: &problem.detail })).into_response()
}

impl Form {
    fn read(request: Request) -> BoxFuture<'static, Result<Self, Problem>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let bytes = body::read(body, body::MAX_BODY).await?;
            if !is_form(&parts.headers) {
                return Err(invalid("Send a form: Content-Type: application/x-www-form-urlencoded."));
            }
            let (mut token, mut secret) = (None, of_header(&parts.headers)?);
            for (name, value) in form_urlencoded::parse(&bytes) {
                let field = match &*name {
                    "token" => &mut token,
                    "client_secret" => &mut secret,
                    // What is not known is ignored (RFC 6749, section 3.2), like the hint: there is one kind of token.
                    _ => continue,
                };
                if field.replace(value.into_owned()).is_some() {
                    return Err(twice());
                }
            }
            let token = token.ok_or_else(|| invalid("Say which token: token=…"))?;
            Ok(Self { parts, token, secret })
        })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The secret in the `Authorization` header.
fn of_header(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(twice());
    }
    let (scheme, rest) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(no_secret)?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.to_owned()));
    }
    let basic = scheme.eq_ignore_ascii_case("basic").then(|| basic(rest)).flatten();
    basic.map(Some).ok_or_else(no_secret)
}

/// The password of HTTP Basic, which is encoded as in a form (RFC 6749, section 2.3.1).
fn basic(text: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(percent_decode_str(&password.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

fn no_secret() -> Problem {
    let detail = "Authenticate with a token: as a Bearer, as the password of HTTP Basic, or as client_secret.";
    Problem::new(StatusCode::UNAUTHORIZED, "NO_CREDENTIAL", detail)
}

fn twice() -> Problem {
    invalid("Give the token once, and authenticate in one way.")
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_FORM", detail)
}

impl From<&Decision> for Introspection {
    fn from(decision: &Decision) -> Self {
        let Some(facts) = decision.known.as_ref().map(Known::facts) else { return Self::default() };
        let scopes = facts.effective_scopes();
        let scopes: Vec<&str> = scopes.iter().map(ScopePattern::as_str).collect();
        let text = |text: &str| Some(text.to_owned());
        Self {
            active: true,
            scope: Some(scopes.join(" ")),
            client_id: facts.token.client_id.as_deref().map(str::to_owned),
            username: text(&facts.owner.id),
            token_type: Some("Bearer"),
            exp: facts.token.expires_at.map(|end| end.0 / 1_000),
            nbf: facts.token.not_before.map(|start| start.0.div_ceil(1_000)),
            sub: text(&facts.owner.id),
            aud: text(&facts.workspace.slug),
            iss: None,
            jti: text(&facts.token.id),
        }
    }
}
