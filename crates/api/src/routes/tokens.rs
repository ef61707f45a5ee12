//! Tokens: operations on one, and on many at a time.

mod create;
mod import;
mod list;
mod revoke;
mod update;

use counterfoil_protocol::command::{Issued, ReadSelf, ReadToken, ReadUsage, RotateToken, TokenView, Usage};
use serde::Deserialize;

#[cfg(feature = "openapi")]
pub(crate) use self::import::Import;
pub(crate) use self::{
    create::create,
    import::import,
    list::list,
    revoke::{revoke, revoke_many},
    update::update,
};
use crate::{
    auth::Caller,
    http::{Id, Idempotency, IfMatch, Json, Problem, Query, Reply, conditions::tagged, time::any_seconds},
    ledger_client::CommandOptions,
    ports::Ports,
};

pub(crate) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<TokenView>, Problem> {
    tagged(caller.ask(ReadToken { id }).await?)
}

pub(crate) async fn read_self<P: Ports>(caller: Caller<P>) -> Result<Reply<TokenView>, Problem> {
    tagged(caller.ask(ReadSelf {}).await?)
}

/// The body of a rotation request.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rotation {
    /// The grace period: for how many seconds the current token value remains valid, 0 to 2,592,000 (30 days).
    #[serde(deserialize_with = "any_seconds")]
    grace_seconds: u64,
    /// What happens to values that earlier rotations replaced and that are still in their grace period: `end` makes
    /// them expire now. By default, they remain valid until their grace period expires. The value that this rotation
    /// replaces depends only on `grace_seconds`.
    previous: Option<Previous>,
    /// Send the response only once every check except `eventual` ones uses the change.
    wait: bool,
}

/// What happens to values that earlier rotations replaced.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
enum Previous {
    /// They expire now.
    End,
}

pub(crate) async fn rotate<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    Idempotency(idempotency_key): Idempotency,
    IfMatch(if_version): IfMatch,
    body: Option<Json<Rotation>>,
) -> Result<Reply<Issued>, Problem> {
    let Rotation { grace_seconds, previous, wait } = body.map(|Json(body)| body).unwrap_or_default();
    let options = CommandOptions { idempotency_key, if_version, wait };
    tagged(
        caller
            .ask_with(options, RotateToken { id, grace_seconds, end_previous: previous == Some(Previous::End) })
            .await?,
    )
}

/// Which part of a token's usage.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// The number of days (UTC, including today): 1 to 90. Default: 30.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 90)))]
    days: Option<u32>,
}

pub(crate) async fn usage<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    Query(UsageQuery { days }): Query<UsageQuery>,
) -> Result<Reply<Usage>, Problem> {
    caller.ask(ReadUsage { id, days }).await
}
