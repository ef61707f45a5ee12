//! The audit.

use counterfoil_ledger::command::{AuditEntry, Listing, Page, ReadAudit};
use serde::Deserialize;

use crate::{answer::Reply, body::Query, credential::Caller, ports::Ports, problem::Problem};

/// Which part of the audit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    token: Option<String>,
    actor: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn read<P: Ports>(
    caller: Caller<P>,
    Query(Wanted { token, actor, limit, cursor }): Query<Wanted>,
) -> Result<Reply<Listing<AuditEntry>>, Problem> {
    caller.ask(ReadAudit { subject: token, actor, page: Page { limit, cursor } }).await
}
