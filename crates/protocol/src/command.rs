//! The commands of a ledger, as typed JSON from the API to the ledger's object.
//!
//! A [`Request`] names its actor; the ledger authenticates, authorises and executes it in one transaction. Each command
//! is a type with its own reply type, so that a caller cannot confuse replies.

mod binary;
mod idempotency_key;
pub(crate) mod identity;
mod listing;
mod members;
mod patch;
pub(crate) mod revoked;
mod sessions;
mod snapshots;
mod tokens;
mod usage;
mod workspace;

use core::net::IpAddr;

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Answer, Grant, Position, Segments};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{asked::asked, built_in::BuiltIn};

pub use self::{
    binary::Binary,
    idempotency_key::{IdempotencyKey, InvalidIdempotencyKey},
    identity::*,
    listing::{Listing, Page},
    members::*,
    patch::Patch,
    revoked::{RevokeResult, RevokedItem},
    sessions::*,
    snapshots::*,
    tokens::*,
    usage::*,
    workspace::*,
};

/// One command with its context.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The ledger's own key: it determines the workspace of a new ledger, and detects a request that was sent to the
    /// wrong object.
    pub workspace: WorkspaceKey,
    /// The caller.
    pub actor: Actor,
    /// The request id, for the log and the response.
    pub request_id: String,
    /// The client's address, for the audit log and for tokens that are restricted to certain addresses.
    pub address: Option<IpAddr>,
    /// The caller's `Idempotency-Key`, if any: the command has one effect, however often it is sent.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The origin of the web page that sent the request, if it is not the API's own: the workspace must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// For a command that changes one token, a precondition: the command is executed only if the token's version is one
    /// of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<u64>>,
    /// Whether the reply must state when no verifier relies any more on the state before the command.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub wait: bool,
    /// The command.
    pub command: Command,
}

/// The caller. The ledger looks the token or session up itself and never trusts scopes that the request claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The client that presented the token with this digest.
    Token(Digest),
    /// The browser with the session whose value has this digest.
    Session(Digest),
    /// The holder of the deployment's root token: an admin of every workspace.
    Root,
    /// The control plane's own verifier. It may only request [`Records`] and a [`Lease`], and [report
    /// uses](ReportUses).
    Verifier,
    /// The control plane itself, during a sign-in through an identity provider. It may only read the workspace's
    /// [providers](ReadIdentityProviders), [sign a member in](SignIn), and [record a failed sign-in](NoteRefusal).
    SignIn,
}

/// The effect of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes no rights and adds nothing permanent.
    Asks,
    /// It adds something permanent, such as the digest of every token value ever issued.
    Adds,
    /// It changes existing data, or adds data whose amount is bounded.
    Changes,
    /// It removes something, as an incident requires: it revokes, disables, suspends, erases or deletes.
    TakesAway,
}

impl Effect {
    const fn of_change(takes_away: bool) -> Self {
        if takes_away { Self::TakesAway } else { Self::Changes }
    }
}

/// A command's type determines the type of its reply.
pub trait Ask: Into<Command> + Send {
    /// The ledger's reply after executing it.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// Declares the commands: each with its reply and its effect, which may depend on its content.
macro_rules! commands {
    ($($command:ident $(($ask:ident))? => $reply:ty, $effect:expr;)*) => {
        asked! {
            /// Every command.
            #[derive(Debug, Serialize, Deserialize)]
            Command { $($command => $reply,)* }
        }

        impl Command {
            /// Every [`kind`](Self::kind).
            pub const KINDS: &[&str] = &[$(stringify!($command)),*];

            /// The kind of command: the name of its type.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$command(_) => stringify!($command)),* }
            }

            /// The effect of executing it.
            #[must_use]
            pub fn effect(&self) -> Effect {
                match self { $(commands!(@pattern $command $($ask)?) => $effect),* }
            }
        }
    };
    (@pattern $command:ident) => { Self::$command(_) };
    (@pattern $command:ident $ask:ident) => { Self::$command($ask) };
}

commands! {
    Bootstrap => Bootstrapped, Effect::Adds;
    ReadWorkspace => Workspace, Effect::Asks;
    UpdateWorkspace => Workspace, Effect::Changes;
    SuspendWorkspace => Workspace, Effect::TakesAway;
    SetHosts => Workspace, Effect::Changes;
    DeleteWorkspace => Deleted, Effect::TakesAway;
    GetScopes => Catalogue, Effect::Asks;
    PutScopes => Catalogue, Effect::Changes;
    ListMembers => Listing<Member>, Effect::Asks;
    CreateMember => Member, Effect::Adds;
    ReadMember => Member, Effect::Asks;
    FindMember => Member, Effect::Asks;
    UpdateMember(ask) => Member, Effect::of_change(ask.suspended == Some(true) || ask.revoke_all);
    EraseMember => Member, Effect::TakesAway;
    ListClients => Listing<Client>, Effect::Asks;
    CreateClient => Client, Effect::Adds;
    ReadClient => Client, Effect::Asks;
    DeleteClient => Client, Effect::TakesAway;
    CreateToken => Issued, Effect::Adds;
    ListTokens => Listing<TokenView>, Effect::Asks;
    ReadToken => TokenView, Effect::Asks;
    ReadSelf => TokenView, Effect::Asks;
    UpdateToken(ask) => TokenView, Effect::of_change(ask.enabled == Some(false));
    RotateToken => Issued, Effect::Adds;
    RevokeToken => TokenView, Effect::TakesAway;
    RevokeText => RevokedText, Effect::TakesAway;
    RevokeTokens => RevokedTokens, Effect::TakesAway;
    ImportTokens => Imported, Effect::Adds;
    OpenSession => OpenedSession, Effect::Changes;
    ReadIdentityProviders => IdentityProviders, Effect::Asks;
    SignIn => OpenedSession, Effect::Changes;
    NoteRefusal => RefusalNoted, Effect::Asks;
    ReadSession => Session, Effect::Asks;
    EndSession => Session, Effect::TakesAway;
    ListSessions => Listing<Session>, Effect::Asks;
    ReadAudit => Listing<AuditEntry>, Effect::Asks;
    Records => Recorded, Effect::Asks;
    Lease => Granted, Effect::Asks;
    ReadSnapshot => Snapshot, Effect::Asks;
    ReadSnapshotKeys => SnapshotKeys, Effect::Asks;
    ReportUses => Reported, Effect::Asks;
    ReadUsage => Usage, Effect::Asks;
    CheckScope => Holds, Effect::Asks;
}

impl Command {
    /// Whether it only reads.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.effect() == Effect::Asks
    }

    /// Whether it removes something.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        self.effect() == Effect::TakesAway
    }
}

/// Only checks that the actor is authenticated and has this scope, before an expensive read.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckScope {
    /// The scope.
    pub scope: BuiltIn,
}

/// The actor has the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {}

/// The records of these digests, as of now; needs `tokens:verify`. At most 101 digests (a hundred and the caller's
/// own). Writes nothing. The reply says if the workspace does not exist.
#[derive(Debug, Serialize, Deserialize)]
pub struct Records {
    /// Digests of token values.
    pub digests: Vec<Digest>,
}

/// Requests a lease, with the records that the verifier's cache lacks; needs `tokens:verify`. Writes only the reported
/// uses.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The position of the verifier's cache; `None` if it is empty.
    pub since: Option<Position>,
    /// Digests of token values, as in [`Records`].
    pub digests: Vec<Digest>,
    /// Uses counted by the verifier: at most 1,000, as in [`ReportUses`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<Uses>,
    /// Set by a verifier that loads segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Segments>,
}

/// The reply to [`Records`].
pub type Recorded = Binary<Answer>;

/// The reply to [`Lease`].
pub type Granted = Binary<Grant>;
