//! What a ledger can be told to do, as it travels from the API to the ledger's object: typed JSON.
//!
//! A [`Request`] names its actor; the ledger authenticates, authorises and executes it in one transaction. Each command
//! is a type of its own with the reply it earns, so that a caller cannot mistake one answer for another.

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

/// One command with everything that surrounds it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The ledger's own key: it says which workspace a new ledger is for, and guards against a mixed-up address.
    pub workspace: WorkspaceKey,
    /// Who asks.
    pub actor: Actor,
    /// The id under which the request is logged and answered.
    pub request_id: String,
    /// Where the request came from, for the audit and for tokens that are bound to addresses.
    pub address: Option<IpAddr>,
    /// Where the caller gave an `Idempotency-Key`: the command has one effect, however often it is sent.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The web page's origin that the request comes from, where that is not the API's own: the workspace must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Of a command that changes one token: it is carried out only while the token's version is one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<u64>>,
    /// Whether the caller wants to know when no verifier relies any more on what was before the command.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub wait: bool,
    /// What to do.
    pub command: Command,
}

/// Who asks. The ledger looks the token or session up itself: the caller's word for its scopes is never taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The bearer of the token with this digest.
    Token(Digest),
    /// The browser that holds the session whose text has this digest.
    Session(Digest),
    /// The bearer of the deployment's root token: an admin of every workspace.
    Root,
    /// The control plane's own verifier. It may ask for [`Records`] and for a [`Lease`], and [report uses](ReportUses), nothing
    /// else.
    Verifier,
    /// The control plane itself, where somebody signs in by an identity provider. It may ask for the workspace's
    /// [providers](ReadIdentityProviders), hand in [what one of them says](SignIn), and [note why nobody signed
    /// in](NoteRefusal), nothing else.
    SignIn,
}

/// What carrying a command out does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nobody's rights are other afterwards, and nothing is added that stays.
    Asks,
    /// It adds what stays: the digest of each value that a token ever had, too.
    Adds,
    /// It changes what is there, or adds what is bounded anyway.
    Changes,
    /// It takes something away, as an incident calls for: it revokes, disables, suspends, erases, deletes.
    TakesAway,
}

impl Effect {
    const fn of_change(takes_away: bool) -> Self {
        if takes_away { Self::TakesAway } else { Self::Changes }
    }
}

/// A command's type says what it answers.
pub trait Ask: Into<Command> + Send {
    /// What the ledger replies when it has done it.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// Declares the commands: each with its reply and its effect, which may depend on what is asked.
macro_rules! commands {
    ($($command:ident $(($ask:ident))? => $reply:ty, $effect:expr;)*) => {
        asked! {
            /// Every command.
            #[derive(Debug, Serialize, Deserialize)]
            Command { $($command => $reply,)* }
        }

        impl Command {
            /// Every [`kind`](Self::kind) there is.
            pub const KINDS: &[&str] = &[$(stringify!($command)),*];

            /// What kind of command it is: the name of its type.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$command(_) => stringify!($command)),* }
            }

            /// What carrying it out does.
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
    /// Whether it only asks.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.effect() == Effect::Asks
    }

    /// Whether it takes something away.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        self.effect() == Effect::TakesAway
    }
}

/// Asks nothing but whether the actor is let in and holds this scope: before something is read that costs much to read.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckScope {
    /// The scope.
    pub scope: BuiltIn,
}

/// The actor holds the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {}

/// What a verifier needs to know of these texts, as of now; needs `tokens:verify`. At most 101 digests
/// (a hundred and the asker's own). Writes nothing. Where there is no workspace by that key, the answer says so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Records {
    /// The texts in question.
    pub digests: Vec<Digest>,
}

/// Asks for leave to answer from memory for a while, and for what that memory lacks; needs `tokens:verify`. Writes nothing
/// but the uses that it tells of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lease {
    /// As of when the asker's memory is; nothing where it holds nothing.
    pub since: Option<Position>,
    /// The texts in question, as in [`Records`].
    pub digests: Vec<Digest>,
    /// Uses that were counted elsewhere: at most 1,000, as in [`ReportUses`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<Uses>,
    /// Of an asker that loads segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Segments>,
}

/// What [`Records`] are there.
pub type Recorded = Binary<Answer>;

/// What a [`Lease`] is granted.
pub type Granted = Binary<Grant>;
