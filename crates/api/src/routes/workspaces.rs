//! Workspaces: only root creates, suspends and deletes them.

use std::ops::RangeInclusive;

use axum::http::StatusCode;
use counterfoil_protocol::{
    WebAddress,
    command::{
        Actor, Bootstrap, Bootstrapped, DeleteWorkspace, Deleted, IdentityProvider, MemberBy, Patch, ReadWorkspace,
        SetHosts, SuspendWorkspace, UpdateWorkspace, Workspace,
    },
    directory::{AssignHosts, Assigned, Claim, Claimed, Confirm, Hosts, Slug},
};
use counterfoil_token::{Prefix, WorkspaceKey};
use serde::Deserialize;

use super::shapes::Status;
use crate::{
    auth::{Caller, Root, identity::check_addresses},
    http::{
        Json, Problem, ProblemCode, Reply,
        patch::{clearable, present},
        time::{seconds_clearable, seconds_present},
    },
    ledger_client::{LedgerClient, Source},
    ports::Ports,
};

/// How many keys are drawn before giving up. Of 62⁵ keys, the first is free unless hundreds of millions are taken.
const DRAWS: usize = 8;

/// The length of a workspace's name in characters, as [`Bootstrap`] requires it.
const NAME_LENGTH: RangeInclusive<usize> = 1..=200;

/// The body of a creation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWorkspace {
    /// Its slug, unique in the deployment.
    slug: Slug,
    /// Its name, for people: 1–200 characters.
    name: String,
    /// The prefix of its tokens; `cft` where absent.
    prefix: Option<Prefix>,
}

/// Reserves the slug, creates the workspace, and confirms the slug, in this order: if a step fails, repeating the request
/// creates the same workspace and returns a token. If only the last response was lost, a repeated request is rejected
/// since the workspace exists; root can then create a token there.
pub(crate) async fn create<P: Ports>(
    root: Root<P>,
    Json(body): Json<NewWorkspace>,
) -> Result<Reply<Bootstrapped>, Problem> {
    // The ledger checks this too, but by then the slug is reserved.
    if !NAME_LENGTH.contains(&body.name.chars().count()) {
        let detail = format!("Must have {} to {} characters.", NAME_LENGTH.start(), NAME_LENGTH.end());
        return Err(Problem::new(ProblemCode::InvalidValue, detail).at("/name"));
    }
    let key = claim(&root.ledger, &body.slug).await?;
    let bootstrap = Bootstrap { slug: body.slug.clone(), name: body.name, prefix: body.prefix.unwrap_or_default() };
    let from = Source { address: root.address, ..Source::default() };
    let made = root.ledger.ask(key, Actor::Root, from, bootstrap).await?;
    root.ledger.directory(Confirm { slug: body.slug }).await?;
    root.ledger.app.names().forget();
    Ok(made.created("/v1/workspace".to_owned()))
}

/// Reserves the slug, and returns the key of the workspace to create.
async fn claim<P: Ports>(ledger: &LedgerClient<P>, slug: &Slug) -> Result<WorkspaceKey, Problem> {
    for _ in 0..DRAWS {
        let mut random = |bytes: &mut [u8]| ledger.app.ports.random(bytes);
        let key = WorkspaceKey::draw(&mut random).map_err(|error| Problem::internal(error.to_string()))?;
        let claimed = ledger.directory(Claim { slug: slug.clone(), candidate: key }).await?;
        match claimed {
            Claimed::Reserved { key } => return Ok(key),
            Claimed::KeyTaken => {}
            Claimed::SlugTaken => {
                let detail = "There is already a workspace with this slug.";
                return Err(Problem::new(ProblemCode::AlreadyExists, detail).at("/slug"));
            }
        }
    }
    Err(Problem::internal("no free workspace key was drawn"))
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>) -> Result<Reply<Workspace>, Problem> {
    caller.ask(ReadWorkspace {}).await
}

/// The body of a change: the state alone, the hosts alone, or settings. What is absent stays.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::describe::change))]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceChange {
    /// Root only: whether it takes part.
    #[serde(default, deserialize_with = "present")]
    state: Option<Status>,
    /// Root only: all the hosts by which it is reached, at most 20. A host is one workspace's at most. There, a token that
    /// was issued elsewhere and imported need not name its workspace.
    #[serde(default, deserialize_with = "present")]
    hosts: Option<Hosts>,
    /// 1–200 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// The prefix of tokens issued from now on.
    #[serde(default, deserialize_with = "present")]
    prefix: Option<Prefix>,
    /// How many live tokens a member may have whose own quota says nothing: 1 to 1,000,000.
    #[serde(default, deserialize_with = "present")]
    default_quota: Option<u64>,
    /// The longest life of a token, in seconds: up to 100 years. Tokens issued before keep theirs.
    #[serde(default, deserialize_with = "seconds_clearable")]
    max_lifetime: Patch<u64>,
    /// How long a session lasts, in seconds: 60 to 2,592,000.
    #[serde(default, deserialize_with = "seconds_present")]
    session_length: Option<u64>,
    /// For how long, in seconds, a verifier elsewhere may answer from memory, and so pass a token that was revoked: 2 to 60.
    #[serde(default, deserialize_with = "seconds_present")]
    lease_max: Option<u64>,
    /// For how long, in seconds, a snapshot may be relied upon, and so pass a token that was revoked: 60 to 2,592,000.
    #[serde(default, deserialize_with = "seconds_present")]
    snapshot_max: Option<u64>,
    /// For how many days audit rows are kept: 1 to 36,500; for ever where cleared.
    #[serde(default, deserialize_with = "clearable")]
    audit_retention_days: Patch<u64>,
    /// Of which other origins web pages may send requests to the workspace's routes, and read the answers.
    #[serde(default, deserialize_with = "present")]
    allowed_origins: Option<Vec<String>>,
    /// Who may vouch for members that sign in: at most 4, no two of one issuer and audience. Only an admin who may grant
    /// everything changes it. Sessions that a provider opened end when it is no longer among them.
    #[serde(default, deserialize_with = "present")]
    identity_providers: Option<Vec<Provider>>,
}

/// An [`IdentityProvider`] as callers name it: a field that is not known is a mistake of theirs, while between the Worker and
/// the ledger it is a newer version's.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
struct Provider {
    /// Its issuer, to the letter as its tokens name it; without a query.
    issuer: WebAddress,
    /// Whom its tokens must be meant for: the client id, or the AUD tag of a Cloudflare Access application; 1–255 visible
    /// ASCII characters.
    audience: String,
    /// Where its keys are; where absent, its `/.well-known/openid-configuration` says it.
    #[serde(default)]
    jwks_uri: Option<WebAddress>,
    /// Which member a token is about.
    member_by: MemberBy,
    /// Whether it states verified e-mail addresses only, and hence need not say so in each token. Cloudflare Access is such a
    /// one: its application tokens have an `email`, which its own identity provider verified, and no `email_verified`. An
    /// address that a token calls unverified is never taken.
    #[serde(default)]
    vouches_for_email: bool,
    /// Whether the console offers to sign in there.
    #[serde(default)]
    sign_in: bool,
}

impl From<Provider> for IdentityProvider {
    fn from(provider: Provider) -> Self {
        let Provider { issuer, audience, jwks_uri, member_by, vouches_for_email, sign_in } = provider;
        Self { issuer, audience, jwks_uri, member_by, vouches_for_email, sign_in }
    }
}

/// Root changes the state and the hosts, managers the settings. Each is a command of its own, so a request with more than
/// one is rejected: it could be executed in part.
pub(crate) async fn update<P: Ports>(
    caller: Caller<P>,
    Json(body): Json<WorkspaceChange>,
) -> Result<Reply<Workspace>, Problem> {
    let WorkspaceChange {
        state,
        hosts,
        name,
        prefix,
        default_quota,
        max_lifetime,
        session_length,
        lease_max,
        snapshot_max,
        audit_retention_days,
        allowed_origins,
        identity_providers,
    } = body;
    let audit_retention = audit_retention_days;
    let identity_providers: Option<Vec<IdentityProvider>> =
        identity_providers.map(|providers| providers.into_iter().map(Into::into).collect());
    check_addresses(caller.ledger.app.config(), identity_providers.as_deref().unwrap_or_default())?;
    let settings = UpdateWorkspace {
        name,
        prefix,
        default_quota,
        max_lifetime,
        session_length,
        lease_max,
        snapshot_max,
        audit_retention,
        allowed_origins,
        identity_providers,
    };
    let alone = |field: &str| {
        let detail = format!("Change the {field} by itself, and what else there is in another request.");
        Problem::new(ProblemCode::InvalidValue, detail).at(format!("/{field}"))
    };
    match (state, hosts) {
        (None, None) => caller.ask(settings).await,
        (Some(state), None) if settings.is_empty() => {
            caller.ask(SuspendWorkspace { suspended: state.is_suspended() }).await
        }
        (None, Some(hosts)) if settings.is_empty() => set_hosts(&caller, hosts).await,
        (Some(_), _) => Err(alone("state")),
        (None, Some(_)) => Err(alone("hosts")),
    }
}

/// Updates the directory first, which knows the workspace of each host, then the ledger, which displays them. A request
/// that was interrupted in between can be repeated.
async fn set_hosts<P: Ports>(caller: &Caller<P>, hosts: Hosts) -> Result<Reply<Workspace>, Problem> {
    // A caller that the ledger would reject must not change the directory. The ledger rejects all but root below.
    if caller.actor == Actor::Root {
        caller.ask(ReadWorkspace {}).await?;
        let assign = AssignHosts { key: caller.workspace, hosts: hosts.clone() };
        caller.ledger.app.names().forget();
        if let Assigned::Taken { host } = caller.ledger.directory(assign).await? {
            let detail = format!("The host {host} is another workspace's.");
            return Err(Problem::new(ProblemCode::AlreadyExists, detail).at("/hosts"));
        }
    }
    caller.ask(SetHosts { hosts }).await
}

/// Begins the deletion, or reports its progress: it continues in the background.
pub(crate) async fn delete<P: Ports>(caller: Caller<P>) -> Result<Reply<Deleted>, Problem> {
    Ok(caller.ask(DeleteWorkspace {}).await?.status(StatusCode::ACCEPTED))
}
