//! Tokens: the whole life of one, and many at a time.

mod create;
mod import;
mod list;
mod revoke;
mod update;

use axum::Json as Answer;
use counterfoil_ledger::command::{ReadSelf, ReadToken, RotateToken};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

pub(super) use self::{
    create::create,
    import::import,
    list::list,
    revoke::{revoke, revoke_many},
    update::update,
};
use super::shapes::{RotatedToken, Token};
use crate::{
    body::{Id, Json},
    credential::Caller,
    idempotency::{Idempotency, replayed},
    ports::Ports,
    problem::Problem,
};

pub(super) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Answer<Token>, Problem> {
    Ok(Answer(caller.ask(ReadToken { id }).await?.into()))
}

pub(super) async fn read_self<P: Ports>(caller: Caller<P>) -> Result<Answer<Token>, Problem> {
    Ok(Answer(caller.ask(ReadSelf {}).await?.into()))
}

/// The body of a rotation.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rotate {
    grace_seconds: u64,
}

pub(super) async fn rotate<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    once: Idempotency,
    body: Option<Json<Rotate>>,
) -> Result<(Option<[(HeaderName, HeaderValue); 1]>, Answer<RotatedToken>), Problem> {
    let Rotate { grace_seconds } = body.map(|Json(body)| body).unwrap_or_default();
    let answered = caller.ask_once(once, RotateToken { id, grace_seconds }).await?;
    Ok((replayed(answered.repeated), Answer(answered.reply.into())))
}
