//! OAuth 2.0 token introspection (RFC 7662) and revocation (RFC 7009), for software that supports them already.
//!
//! The caller authenticates with a token as its secret: as a Bearer token, by HTTP Basic, or as `client_secret` in the
//! form (RFC 6749, section 2.3.1). The `client_id` is ignored. A rejected caller is challenged with every supported
//! scheme, first with the one that it used (section 5.2).

use std::borrow::Cow;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_protocol::command::RevokeText;
use counterfoil_token::{Digest, TokenRef};
use counterfoil_verify::{Code, Decision, Demand, ScopePattern};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::verify::decide;
use crate::{
    auth::Caller,
    http::{
        Json, Problem, ProblemCode, body, origin,
        presented::{self, Credentials},
        problem::Scheme,
    },
    ports::Ports,
    state::App,
};

/// The challenge of HTTP Basic (RFC 7617).
const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="counterfoil", charset="UTF-8""#);

/// The response of an introspection: RFC 7662, section 2.2. Times are in seconds.
#[derive(Default, Serialize)]
pub(crate) struct Introspection {
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
struct OAuthError<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A request to one of the two endpoints.
struct Form {
    parts: Parts,
    /// The token to introspect or revoke.
    token: String,
    /// The secret that the caller authenticates with.
    secret: Option<String>,
    /// How the secret was sent.
    scheme: Scheme,
}

pub(crate) async fn introspect<P: Ports>(
    State(app): State<App<P>>,
    request: Request,
) -> Result<Json<Introspection>, Problem> {
    let Form { parts, token, secret, scheme } = Form::read(request).await?;
    // The verifier decides here, but only the ledger knows which origins a workspace allows.
    if origin::foreign(&parts.headers, &parts.uri).is_some() {
        return Err(Problem::origin_not_allowed());
    }
    let decided = async {
        let secret = secret.ok_or_else(no_secret)?;
        let caller = Caller::presenting(&parts, &app, Some(secret)).await?;
        // The client's address is unknown here, so an IP-restricted token is not active.
        decide(&caller, &[token], &Demand::of(caller.workspace)).await
    };
    let decisions = decided.await.map_err(|problem| problem.presented_in(scheme))?;
    match decisions.into_iter().next() {
        Some(decision) if decision.code == Code::Unavailable => Err(Problem::credential(Code::Unavailable)),
        Some(decision) if decision.code == Code::Valid => {
            Ok(Json(Introspection { iss: origin::own(&parts.uri), ..Introspection::from(&decision) }))
        }
        _ => Ok(Json(Introspection::default())),
    }
}

/// Revokes the token in the name of the caller, or in the token's own: a holder of a token may revoke it. A value that
/// rotation replaced is revoked alone: the client that reports it may not know of the new value. A token that is
/// unknown, or that the caller may not see, gives the same response as a revoked one (section 2.2).
pub(crate) async fn revoke<P: Ports>(State(app): State<App<P>>, request: Request) -> Result<Response, Problem> {
    let Form { parts, token, secret, scheme } = Form::read(request).await?;
    let in_its_own_name = secret.as_ref().is_none_or(|secret| *secret == token);
    let digest = Digest::of(token.as_bytes());
    let revoked = async {
        let caller = Caller::presenting(&parts, &app, Some(secret.unwrap_or(token))).await?;
        caller.ask(RevokeText { digest, reason: None }).await.map(drop)
    };
    match revoked.await {
        // The token is invalid already, which is what the caller wants.
        Err(problem) if in_its_own_name && problem.status == StatusCode::UNAUTHORIZED => {
            Ok(StatusCode::OK.into_response())
        }
        Err(problem) => Err(problem.presented_in(scheme)),
        Ok(()) => Ok(StatusCode::OK.into_response()),
    }
}

/// Renders a problem as these endpoints do.
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
    let mut response = (status, Json(OAuthError { error, error_description: &problem.detail })).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, BASIC);
    }
    response
}

impl Form {
    fn read(request: Request) -> BoxFuture<'static, Result<Self, Problem>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let bytes = body::read(body, body::MAX_BODY).await?;
            if !is_form(&parts.headers) {
                return Err(invalid("Send a form with `Content-Type: application/x-www-form-urlencoded`."));
            }
            let (mut secret, scheme) = of_header(&parts.headers)?;
            let mut token = None;
            for (name, value) in form_urlencoded::parse(&bytes) {
                let field = match &*name {
                    "token" => &mut token,
                    "client_secret" => &mut secret,
                    // Unknown fields are ignored (RFC 6749, section 3.2), as is `token_type_hint`: there is one type of
                    // token.
                    _ => continue,
                };
                if field.replace(value.into_owned()).is_some() {
                    return Err(twice());
                }
            }
            let token = token.ok_or_else(|| invalid("The field `token` is missing. Send `token=…`."))?;
            Ok(Self { parts, token, secret, scheme })
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

/// The secret in the `Authorization` header, and its scheme.
fn of_header(headers: &HeaderMap) -> Result<(Option<String>, Scheme), Problem> {
    let value = presented::joined(headers, &header::AUTHORIZATION).map_err(|_| no_secret())?;
    let Some(value) = value else { return Ok((None, Scheme::Bearer)) };
    let mut found: Option<(Option<String>, Scheme)> = None;
    for (scheme, credential) in Credentials::of(&value) {
        let read = if scheme.eq_ignore_ascii_case("bearer") {
            (credential.map(str::to_owned), Scheme::Bearer)
        } else if scheme.eq_ignore_ascii_case("basic") {
            (credential.and_then(basic), Scheme::Basic)
        } else {
            return Err(no_secret());
        };
        if read.0.is_none() {
            return Err(no_secret().presented_in(read.1));
        }
        // The same header twice is accepted.
        if found.as_ref().is_some_and(|other| *other != read) {
            return Err(twice());
        }
        found = Some(read);
    }
    found.ok_or_else(no_secret)
}

/// The password of HTTP Basic.
///
/// Id and password should be form-encoded (RFC 6749, section 2.3.1), so that there is only one colon. A client that does
/// not encode them, such as curl, may have more colons in the id, as in a URN or a URL. If the part after the last colon
/// is a native token, which has no colon, it is the password. A third-party token may contain colons: otherwise the
/// password begins at the first one, as RFC 7617 says.
fn basic(text: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
    let (_, last) = text.rsplit_once(':')?;
    if TokenRef::parse(last.as_bytes()).is_ok() {
        return Some(last.to_owned());
    }
    let (_, password) = text.split_once(':')?;
    Some(decoded(password))
}

/// The password, decoded if it was encoded. It is a token value, so it is visible ASCII: if decoding gives anything
/// else, it was not encoded, and a `+` in it is not a space.
fn decoded(password: &str) -> String {
    let decoded = percent_decode_str(password).decode_utf8();
    let is_token = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    decoded.ok().filter(|text| is_token(text)).map_or_else(|| password.to_owned(), Cow::into_owned)
}

fn no_secret() -> Problem {
    let detail =
        "This request needs a token. Send it as a Bearer token, as the password of HTTP Basic, or as `client_secret`.";
    Problem::new(ProblemCode::NoCredential, detail)
}

fn twice() -> Problem {
    invalid(
        "A field occurs twice, or the request authenticates in two ways. Send `token` once, and authenticate in one \
         way.",
    )
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidForm, detail)
}

impl From<&Decision> for Introspection {
    fn from(decision: &Decision) -> Self {
        let Some(facts) = decision.facts() else { return Self::default() };
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
