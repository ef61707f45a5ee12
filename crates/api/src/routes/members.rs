//! Members.

use counterfoil_protocol::{
    WebAddress,
    command::{CreateMember, EraseMember, ListMembers, Listing, Member, Patch, ReadMember, Role, UpdateMember},
};
use counterfoil_verify::ScopePattern;
use serde::Deserialize;

use super::shapes::{PageQuery, Status};
use crate::{
    auth::Caller,
    http::{
        Id, Idempotency, Json, Problem, Query, Reply,
        patch::{clearable, present},
        reply::location,
    },
    ledger_client::CommandOptions,
    ports::Ports,
};

/// The body of a creation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// 1–128 visible ASCII characters, unique in the workspace.
    id: String,
    /// Its number, from 1; one more than the highest where absent.
    number: Option<u64>,
    /// 1–200 characters.
    name: String,
    /// An address with one `@`, at most 254 characters, unique in the workspace in whatever case its letters are.
    email: Option<String>,
    /// By what name its identity provider knows it: 1–255 characters, unique among that provider's.
    subject: Option<String>,
    /// The issuer of that provider. Where absent, the only one that finds members by subject; where none does yet, the first
    /// that will.
    subject_issuer: Option<WebAddress>,
    /// What it may act on: every member's tokens, or its own.
    role: Role,
    /// What its tokens may be granted at most; at most 100 patterns.
    grants: Vec<ScopePattern>,
    /// How many live tokens it may have, up to a million; the workspace's default where absent.
    quota: Option<u64>,
}

pub(crate) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Listing<Member>>, Problem> {
    caller.ask(ListMembers { page: page.into() }).await
}

pub(crate) async fn create<P: Ports>(
    caller: Caller<P>,
    once: Idempotency,
    Json(body): Json<NewMember>,
) -> Result<Reply<Member>, Problem> {
    let NewMember { id, number, name, email, subject, subject_issuer, role, grants, quota } = body;
    let location = location("/v1/members/", &id);
    let command = CreateMember { id, number, name, email, subject, subject_issuer, role, grants, quota };
    Ok(caller.ask_once(once, command).await?.created(location))
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<Member>, Problem> {
    caller.ask(ReadMember { id }).await
}

/// The body of a change. What is absent stays.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::describe::change))]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// 1–200 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// An address with one `@`, at most 254 characters, unique in the workspace in whatever case its letters are. Another
    /// one ends the sessions that a provider vouched for.
    #[serde(default, deserialize_with = "clearable")]
    email: Patch<String>,
    /// By what name its identity provider knows it: 1–255 characters, unique among that provider's. Another one ends the
    /// sessions that a provider vouched for.
    #[serde(default, deserialize_with = "clearable")]
    subject: Patch<String>,
    /// The issuer of that provider, of the subject given or of the one it has. It goes with the subject.
    #[serde(default, deserialize_with = "present")]
    subject_issuer: Option<WebAddress>,
    /// What it may act on. The last active admin stays one.
    #[serde(default, deserialize_with = "present")]
    role: Option<Role>,
    /// What its tokens may be granted at most.
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<ScopePattern>>,
    /// How many live tokens it may have; cleared, the workspace's default.
    #[serde(default, deserialize_with = "clearable")]
    quota: Patch<u64>,
    /// Whether it takes part. The last active admin cannot be suspended. Only an admin undoes an admin's suspension.
    #[serde(default, deserialize_with = "present")]
    state: Option<Status>,
    /// Revokes every token it has.
    #[serde(default)]
    revoke_all: bool,
    /// Answers only when every check but eventual ones goes by the change.
    #[serde(default)]
    wait: bool,
}

pub(crate) async fn update<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    Json(body): Json<MemberChange>,
) -> Result<Reply<Member>, Problem> {
    let MemberChange { name, email, subject, subject_issuer, role, grants, quota, state, revoke_all, wait } = body;
    let suspended = state.map(Status::is_suspended);
    let command = UpdateMember { id, name, email, subject, subject_issuer, role, grants, quota, suspended, revoke_all };
    caller.ask_with(CommandOptions { wait, ..CommandOptions::default() }, command).await
}

/// The query of an erasure.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseQuery {
    /// Answers only when no `bounded` check accepts any of its tokens any more.
    #[serde(default)]
    wait: bool,
}

pub(crate) async fn erase<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    Query(EraseQuery { wait }): Query<EraseQuery>,
) -> Result<Reply<Member>, Problem> {
    caller.ask_with(CommandOptions { wait, ..CommandOptions::default() }, EraseMember { id }).await
}
