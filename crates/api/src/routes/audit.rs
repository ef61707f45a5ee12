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
    /// Only entries about this subject: the id of a token, a member or a client.
    token: Option<String>,
    /// Only entries of this actor: a token's id, or `root`.
    actor: Option<String>,
    /// The number of items per page: 1 to 100. Default: 50.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

pub(crate) async fn read<P: Ports>(
    caller: Caller<P>,
    Query(AuditQuery { token, actor, limit, cursor }): Query<AuditQuery>,
) -> Result<Reply<Listing<AuditEntry>>, Problem> {
    caller.ask(ReadAudit { subject: token, actor, page: Page { limit, cursor } }).await
}
