//! Sessions: what a browser holds instead of a token. The value is in a cookie that scripts cannot read, and in no
//! response body.

use axum::extract::{OptionalFromRequest as _, Request, State};
use counterfoil_protocol::{
    TokenValue,
    command::{EndSession, ListSessions, Listing, OpenSession, OpenedSession, ReadSession, Session},
};
use http::HeaderName;
use serde::Deserialize;
use serde_json::Value;

use super::shapes::PageQuery;
use crate::{
    auth::{AnonymousCaller, Caller, credential::no_credential, identity::SignInContext},
    http::{
        Id, Json, Problem, ProblemCode, Query, Reply, cookies,
        presented::{self, Fault},
        refused::AMBIGUOUS_CREDENTIAL,
    },
    ports::Ports,
    state::App,
};

/// Cloudflare Access adds this header to each request that it lets through.
const ACCESS: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");

/// The body of a sign-in. Empty with a token; otherwise the workspace, and the identity token unless Cloudflare Access
/// has added one to the request.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The slug of the workspace to sign in to.
    workspace: Option<String>,
    /// The identity token, a JWT of one of the workspace's providers.
    id_token: Option<String>,
}

/// An [`OpenedSession`]; the session itself is passed on unchanged.
#[derive(Deserialize)]
pub(crate) struct Opened {
    pub(crate) text: TokenValue,
    pub(crate) seconds: u64,
    session: Value,
}

/// Opens a session with a token or through an identity provider. The browser may still have the cookie of an older
/// session.
pub(crate) async fn open<P: Ports>(State(app): State<App<P>>, request: Request) -> Result<Reply<Value>, Problem> {
    let (parts, body) = request.into_parts();
    let token = match presented::presented(&parts.headers, None) {
        // The other scheme may be for a proxy in between. Whether another credential is required depends on the body.
        Err(Fault::OtherScheme) => Err(Fault::OtherScheme),
        token => Ok(token?),
    };
    let body = Json::<SignIn>::from_request(Request::from_parts(parts.clone(), body), &app).await?;
    let reply = match body.map(|Json(body)| body).unwrap_or_default() {
        SignIn { workspace: None, id_token: None } => {
            Caller::presenting(&parts, &app, token?).await?.ask(OpenSession {}).await?
        }
        SignIn { workspace: None, id_token: Some(_) } => {
            let detail = "The field The field `workspace` is missing. Name the workspace to sign in to.";
            return Err(Problem::new(ProblemCode::InvalidBody, detail).at("/workspace"));
        }
        SignIn { workspace: Some(_), .. } if token.is_ok_and(|token| token.is_some()) => {
            return Err(AMBIGUOUS_CREDENTIAL.into());
        }
        SignIn { workspace: Some(workspace), id_token } => {
            let asserted = || parts.headers.get(ACCESS)?.to_str().ok().map(str::to_owned);
            let id_token = id_token.or_else(asserted).ok_or_else(no_credential)?;
            identified(AnonymousCaller::of(&parts, &app)?, &workspace, id_token).await?
        }
    };
    let Opened { text, seconds, session } = reply.read_as()?;
    let reply = reply.header(cookies::keep(text.expose(), seconds)).created("/v1/session".to_owned());
    reply.with(&session)
}

async fn identified<P: Ports>(
    caller: AnonymousCaller<P>,
    workspace: &str,
    id_token: String,
) -> Result<Reply<OpenedSession>, Problem> {
    caller.ledger.app.count_sign_in(caller.from.address).await?;
    match SignInContext::to(caller.ledger, caller.from, workspace).await? {
        Some(context) => context.open(id_token).await,
        None => Err(Problem::sign_in_failed("the workspace does not exist")),
    }
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>) -> Result<Reply<Session>, Problem> {
    caller.ask(ReadSession {}).await
}

pub(crate) async fn end<P: Ports>(caller: Caller<P>) -> Result<Reply<Session>, Problem> {
    Ok(caller.ask(EndSession { id: None }).await?.header(cookies::forget()))
}

pub(crate) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Listing<Session>>, Problem> {
    caller.ask(ListSessions { page: page.into() }).await
}

pub(crate) async fn end_one<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<Session>, Problem> {
    caller.ask(EndSession { id: Some(id) }).await
}
