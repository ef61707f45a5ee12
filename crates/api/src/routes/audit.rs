//! The audit.

use std::net::IpAddr;

use axum::Json as Answer;
use counterfoil_ledger::command::{AuditEntry, Page, ReadAudit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes::List;
use crate::{body::Query, credential::Caller, ports::Ports, problem::Problem, time::Rfc3339};

/// Which part of the audit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    token: Option<String>,
    actor: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// One change that was made.
#[derive(Serialize)]
pub(super) struct Entry {
    seq: u64,
    at: Rfc3339,
    actor: String,
    action: String,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
    request_id: String,
    address: Option<IpAddr>,
}

pub(super) async fn read<P: Ports>(
    caller: Caller<P>,
    Query(Wanted { token, actor, limit, cursor }): Query<Wanted>,
) -> Result<Answer<List<Entry>>, Problem> {
    let ask = ReadAudit { subject: token, actor, page: Page { limit, cursor } };
    Ok(Answer(List::of(caller.ask(ask).await?)))
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { seq, at, actor, action, subject, before, after, request_id, address } = entry;
        Self { seq, at: Rfc3339(at), actor, action, subject, before, after, request_id, address }
    }
}
