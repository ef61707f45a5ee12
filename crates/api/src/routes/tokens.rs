//! Tokens: the whole life of one, and many at a time.

mod create;
mod import;
mod list;
mod revoke;
mod update;

use counterfoil_ledger::command::{Issued, ReadSelf, ReadToken, RotateToken, TokenView};
use serde::Deserialize;

#[cfg(feature = "openapi")]
pub(super) use self::{
    create::Create,
    import::{Import, Imported},
    list::Question,
    revoke::{Revoke, RevokeMany},
    update::Update,
};
pub(super) use self::{
    create::create,
    import::import,
    list::list,
    revoke::{revoke, revoke_many},
    update::update,
};
use crate::{
    answer::Reply,
    body::{Id, Json},
    credential::Caller,
    idempotency::Idempotency,
    ports::Ports,
    problem::Problem,
};

pub(super) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<TokenView>, Problem> {
    caller.ask(ReadToken { id }).await
}

pub(super) async fn read_self<P: Ports>(caller: Caller<P>) -> Result<Reply<TokenView>, Problem> {
    caller.ask(ReadSelf {}).await
}

/// The body of a rotation.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Rotation"))]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rotate {
    /// For how many seconds the text that it has now goes on working: 0 to 2,592,000 (30 days).
    grace_seconds: u64,
}

pub(super) async fn rotate<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    once: Idempotency,
    body: Option<Json<Rotate>>,
) -> Result<Reply<Issued>, Problem> {
    let Rotate { grace_seconds } = body.map(|Json(body)| body).unwrap_or_default();
    caller.ask_once(once, RotateToken { id, grace_seconds }).await
}
