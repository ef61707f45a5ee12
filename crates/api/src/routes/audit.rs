//! The audit log.

use counterfoil_protocol::command::{AuditEntry, Listing, Page, ReadAudit};
use serde::Deserialize;

use crate::{
    auth::Caller,
    http::{Problem, Query, Reply},
    ports::Ports,
};

/// Which part of the audit.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only what was done to this, by its id: a token, a member, a client.
    token: Option<String>,
    /// Only what was done by this: a token's id, or `root`.
    actor: Option<String>,
    /// How many items: 1 to 100, 50 where absent.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    limit: Option<u32>,
    /// Where the last page ended: its `next_cursor`.
    cursor: Option<String>,
}

pub(crate) async fn read<P: Ports>(
    caller: Caller<P>,
    Query(AuditQuery { token, actor, limit, cursor }): Query<AuditQuery>,
) -> Result<Reply<Listing<AuditEntry>>, Problem> {
    caller.ask(ReadAudit { subject: token, actor, page: Page { limit, cursor } }).await
}
