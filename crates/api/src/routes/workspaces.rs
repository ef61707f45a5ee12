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

/// The body of a request that creates one.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWorkspace {
    /// The slug, unique in the deployment.
    slug: Slug,
    /// The display name: 1–200 characters.
    name: String,
    /// The prefix of the workspace's tokens. Default: `cft`.
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
        let detail = format!("The value must have {} to {} characters.", NAME_LENGTH.start(), NAME_LENGTH.end());
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
                let detail = "A workspace with this slug already exists. Choose another slug.";
                return Err(Problem::new(ProblemCode::AlreadyExists, detail).at("/slug"));
            }
        }
    }
    Err(Problem::internal("no unused workspace key was found"))
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>) -> Result<Reply<Workspace>, Problem> {
    caller.ask(ReadWorkspace {}).await
}

/// The body of a change: only the state, only the hosts, or settings. Omitted fields are unchanged.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::describe::change))]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceChange {
    /// Root token only: whether the workspace is active or suspended.
    #[serde(default, deserialize_with = "present")]
    state: Option<Status>,
    /// Root token only: all hosts of the workspace, at most 20. A host belongs to at most one workspace. An imported
    /// third-party token that is sent to one of them need not name its workspace.
    #[serde(default, deserialize_with = "present")]
    hosts: Option<Hosts>,
    /// 1–200 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// The prefix of tokens created from now on.
    #[serde(default, deserialize_with = "present")]
    prefix: Option<Prefix>,
    /// Maximum number of live tokens per member, unless the member has its own quota: 1 to 1,000,000.
    #[serde(default, deserialize_with = "present")]
    default_quota: Option<u64>,
    /// Maximum token lifetime, in seconds: up to 100 years. Existing tokens keep their expiration.
    #[serde(default, deserialize_with = "seconds_clearable")]
    max_lifetime: Patch<u64>,
    /// How long a session lasts, in seconds: 60 to 2,592,000.
    #[serde(default, deserialize_with = "seconds_present")]
    session_length: Option<u64>,
    /// Lease duration in seconds, 2 to 60: the longest time a remote verifier may accept a revoked token at `bounded`
    /// freshness.
    #[serde(default, deserialize_with = "seconds_present")]
    lease_max: Option<u64>,
    /// How long a snapshot is valid, in seconds, 60 to 2,592,000: the longest time an offline verifier may accept a
    /// revoked token.
    #[serde(default, deserialize_with = "seconds_present")]
    snapshot_max: Option<u64>,
    /// For how many days audit log entries are kept: 1 to 36,500. `null` keeps them forever.
    #[serde(default, deserialize_with = "clearable")]
    audit_retention_days: Patch<u64>,
    /// Other origins whose web pages can send requests to the workspace's routes and read the responses.
    #[serde(default, deserialize_with = "present")]
    allowed_origins: Option<Vec<String>>,
    /// The identity providers that can authenticate members: at most 4, each with a different issuer or audience. Only
    /// an admin who can grant `*` can change them. Removing a provider ends the sessions that were opened through it.
    #[serde(default, deserialize_with = "present")]
    identity_providers: Option<Vec<Provider>>,
}

/// An OpenID Connect provider that the workspace trusts to authenticate members.
// Unlike an [`IdentityProvider`], it rejects unknown fields: between the Worker and the ledger, such a field may come from a
// newer version.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
struct Provider {
    /// The issuer, exactly as its tokens name it, without a query.
    issuer: WebAddress,
    /// The audience that its tokens must have: the client id, or the AUD tag of a Cloudflare Access application. 1–255
    /// visible ASCII characters.
    audience: String,
    /// The URL of its keys. Default: the one in its `/.well-known/openid-configuration`.
    #[serde(default)]
    jwks_uri: Option<WebAddress>,
    /// How an identity token is matched to a member.
    member_by: MemberBy,
    /// Whether the provider states only verified e-mail addresses and need not say so in each token. Cloudflare Access
    /// is such a provider: its application tokens have an `email`, which its own identity provider verified, and no
    /// `email_verified`. An address that a token calls unverified is never accepted.
    #[serde(default)]
    vouches_for_email: bool,
    /// Whether the console offers this provider for sign-in.
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
        let detail = format!(
            "The field `{field}` must be changed in a request of its own. Send the other changes in another request."
        );
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
            let detail = format!("The host {host} belongs to another workspace.");
            return Err(Problem::new(ProblemCode::AlreadyExists, detail).at("/hosts"));
        }
    }
    caller.ask(SetHosts { hosts }).await
}

/// Begins the deletion, or reports its progress: it continues in the background.
pub(crate) async fn delete<P: Ports>(caller: Caller<P>) -> Result<Reply<Deleted>, Problem> {
    Ok(caller.ask(DeleteWorkspace {}).await?.status(StatusCode::ACCEPTED))
}
