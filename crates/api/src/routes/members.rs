//! Members.

use axum::{Json as Answer, http::StatusCode, response::IntoResponse};
use counterfoil_ledger::command::{
    self, CreateMember, EraseMember, ListMembers, Patch, ReadMember, Role, UpdateMember,
};
use counterfoil_verify::{ScopePattern, ScopeSet};
use serde::{Deserialize, Serialize};

use super::shapes::{List, PageQuery, Standing};
use crate::{
    body::{Id, Json, Query},
    credential::Caller,
    idempotency::{Idempotency, replayed},
    patch::{clearable, present},
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
    state: Standing,
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
    once: Idempotency,
    Json(body): Json<Create>,
) -> Result<impl IntoResponse, Problem> {
    let Create { id, number, name, email, role, grants, quota } = body;
    let command = CreateMember { id, number, name, email, role, grants, quota };
    let answered = caller.ask_once(once, command).await?;
    Ok((StatusCode::CREATED, replayed(answered.repeated), Answer(Member::from(answered.reply))))
}

pub(super) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Answer<Member>, Problem> {
    Ok(Answer(caller.ask(ReadMember { id }).await?.into()))
}

/// The body of a change. What is absent stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "clearable")]
    email: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    role: Option<Role>,
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<ScopePattern>>,
    #[serde(default, deserialize_with = "clearable")]
    quota: Patch<u64>,
    #[serde(default, deserialize_with = "present")]
    state: Option<Standing>,
    #[serde(default)]
    revoke_all: bool,
}

pub(super) async fn update<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    Json(body): Json<Update>,
) -> Result<Answer<Member>, Problem> {
    let Update { name, email, role, grants, quota, state, revoke_all } = body;
    let suspended = state.map(Standing::is_suspended);
    let command = UpdateMember { id, name, email, role, grants, quota, suspended, revoke_all };
    Ok(Answer(caller.ask(command).await?.into()))
}

pub(super) async fn erase<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Answer<Member>, Problem> {
    Ok(Answer(caller.ask(EraseMember { id }).await?.into()))
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
            state: Standing::of(member.suspended),
            created_at: Rfc3339(member.created_at),
        }
    }
}
