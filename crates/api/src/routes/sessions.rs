//! Sessions: what a browser holds in place of a token. Its text is in a cookie that no script reads, and in no body.

use counterfoil_ledger::{
    SecretText,
    command::{EndSession, ListSessions, Listing, OpenSession, ReadSession, Session},
};
use serde::Deserialize;
use serde_json::Value;

use super::shapes::PageQuery;
use crate::{
    answer::Reply,
    body::{Id, Json, Query},
    cookie,
    credential::Caller,
    ports::Ports,
    problem::Problem,
};

/// The body of a sign-in with a token: there is nothing more to say.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Open {}

/// An [`OpenedSession`](counterfoil_ledger::command::OpenedSession), of which the session itself is passed on as it is.
#[derive(Deserialize)]
struct Opened {
    text: SecretText,
    seconds: u64,
    session: Value,
}

pub(super) async fn open<P: Ports>(caller: Caller<P>, _: Option<Json<Open>>) -> Result<Reply<Value>, Problem> {
    let reply = caller.ask(OpenSession {}).await?;
    let Opened { text, seconds, session } = reply.look()?;
    let reply = reply.header(cookie::keep(text.expose(), seconds)).created("/v1/session".to_owned());
    reply.with(&session)
}

pub(super) async fn read<P: Ports>(caller: Caller<P>) -> Result<Reply<Session>, Problem> {
    caller.ask(ReadSession {}).await
}

pub(super) async fn end<P: Ports>(caller: Caller<P>) -> Result<Reply<Session>, Problem> {
    Ok(caller.ask(EndSession { id: None }).await?.header(cookie::forget()))
}

pub(super) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Listing<Session>>, Problem> {
    caller.ask(ListSessions { page: page.into() }).await
}

pub(super) async fn end_one<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<Session>, Problem> {
    caller.ask(EndSession { id: Some(id) }).await
}
