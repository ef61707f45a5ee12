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

/// The body of a request that creates one.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// 1–128 visible ASCII characters, unique in the workspace.
    id: String,
    /// The member's number, 1 or more. Default: one more than the highest.
    number: Option<u64>,
    /// 1–200 characters.
    name: String,
    /// An e-mail address with one `@` and at most 254 characters, unique in the workspace regardless of case.
    email: Option<String>,
    /// The member's subject (`sub`) at its identity provider: 1–255 characters, unique for that provider.
    subject: Option<String>,
    /// The issuer of that provider. Default: the only provider that identifies members by subject; if there is none
    /// yet, the first one that does.
    subject_issuer: Option<WebAddress>,
    /// What the member can act on: every member's tokens, or only its own.
    role: Role,
    /// Granted scopes: the most that the member's tokens can be given. At most 100.
    grants: Vec<ScopePattern>,
    /// How many live tokens the member can have, up to a million. Default: the workspace's `default_quota`.
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

/// The body of a change. Omitted fields are unchanged.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::describe::change))]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// 1–200 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// An e-mail address with one `@` and at most 254 characters, unique in the workspace regardless of case. Changing
    /// it ends the sessions that the member opened through a provider.
    #[serde(default, deserialize_with = "clearable")]
    email: Patch<String>,
    /// The member's subject (`sub`) at its identity provider: 1–255 characters, unique for that provider. Changing it
    /// ends the sessions that the member opened through a provider.
    #[serde(default, deserialize_with = "clearable")]
    subject: Patch<String>,
    /// The issuer of that provider, for the given subject or for the existing one. Removing the subject removes it too.
    #[serde(default, deserialize_with = "present")]
    subject_issuer: Option<WebAddress>,
    /// What the member can act on. The last active admin must remain an admin.
    #[serde(default, deserialize_with = "present")]
    role: Option<Role>,
    /// Granted scopes: the most that the member's tokens can be given.
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<ScopePattern>>,
    /// How many live tokens the member can have. `null` restores the workspace's default.
    #[serde(default, deserialize_with = "clearable")]
    quota: Patch<u64>,
    /// Whether the member is active or suspended. The last active admin cannot be suspended. Only an admin can undo an
    /// admin's suspension.
    #[serde(default, deserialize_with = "present")]
    state: Option<Status>,
    /// Revoke all of the member's tokens.
    #[serde(default)]
    revoke_all: bool,
    /// Send the response only once every check except `eventual` ones uses the change.
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
    /// Send the response only once no `bounded` check accepts any of the member's tokens any more.
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
