//! Members.

use axum::{Json as Answer, http::StatusCode};
use counterfoil_ledger::command::{self, CreateMember, ListMembers, Role};
use counterfoil_verify::{ScopePattern, ScopeSet};
use serde::{Deserialize, Serialize};

use super::shapes::{List, PageQuery};
use crate::{
    body::{Json, Query},
    credential::Caller,
    ports::Ports,
    problem::Problem,
    time::Rfc3339,
};

/// A member.
#[derive(Serialize)]
pub(super) struct Member {
    id: String,
    number: u64,
    name: String,
    email: Option<String>,
    role: Role,
    grants: ScopeSet,
    quota: u64,
    live_tokens: u64,
    state: &'static str,
    created_at: Rfc3339,
}

/// The body of a creation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    id: String,
    number: Option<u64>,
    name: String,
    email: Option<String>,
    role: Role,
    grants: Vec<ScopePattern>,
    quota: Option<u64>,
}

pub(super) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Answer<List<Member>>, Problem> {
    let listing = caller.ask(ListMembers { page: page.into() }).await?;
    Ok(Answer(List::of(listing)))
}

pub(super) async fn create<P: Ports>(
    caller: Caller<P>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Answer<Member>), Problem> {
    let Create { id, number, name, email, role, grants, quota } = body;
    let member = caller.ask(CreateMember { id, number, name, email, role, grants, quota }).await?;
    Ok((StatusCode::CREATED, Answer(member.into())))
}

impl From<command::Member> for Member {
    fn from(member: command::Member) -> Self {
        Self {
            id: member.id,
            number: member.number,
            name: member.name,
            email: member.email,
            role: member.role,
            grants: member.grants,
            quota: member.quota,
            live_tokens: member.live_tokens,
            state: if member.suspended { "suspended" } else { "active" },
            created_at: Rfc3339(member.created_at),
        }
    }
}
