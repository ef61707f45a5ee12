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

use crate::built_in::BuiltIn;

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

impl Command {
    /// Whether it only asks: nobody's rights are other afterwards.
    #[must_use]
    pub fn is_question(&self) -> bool {
        matches!(
            self,
            Self::ReadWorkspace(_)
                | Self::GetScopes(_)
                | Self::ListMembers(_)
                | Self::ReadMember(_)
                | Self::FindMember(_)
                | Self::ListClients(_)
                | Self::ReadClient(_)
                | Self::ListTokens(_)
                | Self::ReadToken(_)
                | Self::ReadSelf(_)
                | Self::ReadIdentityProviders(_)
                | Self::ReadSession(_)
                | Self::ListSessions(_)
                | Self::ReadAudit(_)
                | Self::Records(_)
                | Self::Lease(_)
                | Self::ReadSnapshot(_)
                | Self::ReadSnapshotKeys(_)
                | Self::ReportUses(_)
                | Self::NoteRefusal(_)
                | Self::ReadUsage(_)
                | Self::CheckScope(_)
        )
    }

    /// Whether it takes something away, as an incident calls for: it revokes, disables, suspends, erases, deletes.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        match self {
            Self::RevokeToken(_)
            | Self::RevokeText(_)
            | Self::RevokeTokens(_)
            | Self::EndSession(_)
            | Self::EraseMember(_)
            | Self::DeleteClient(_)
            | Self::SuspendWorkspace(_)
            | Self::DeleteWorkspace(_) => true,
            Self::UpdateToken(ask) => ask.enabled == Some(false),
            Self::UpdateMember(ask) => ask.suspended == Some(true) || ask.revoke_all,
            _ => false,
        }
    }
}

/// A command's type says what it answers.
pub trait Ask: Into<Command> + Send {
    /// What the ledger replies when it has done it.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// Every command.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// See [`Bootstrap`].
    Bootstrap(Bootstrap),
    /// See [`ReadWorkspace`].
    ReadWorkspace(ReadWorkspace),
    /// See [`UpdateWorkspace`].
    UpdateWorkspace(UpdateWorkspace),
    /// See [`SuspendWorkspace`].
    SuspendWorkspace(SuspendWorkspace),
    /// See [`SetHosts`].
    SetHosts(SetHosts),
    /// See [`DeleteWorkspace`].
    DeleteWorkspace(DeleteWorkspace),
    /// See [`GetScopes`].
    GetScopes(GetScopes),
    /// See [`PutScopes`].
    PutScopes(PutScopes),
    /// See [`ListMembers`].
    ListMembers(ListMembers),
    /// See [`CreateMember`].
    CreateMember(CreateMember),
    /// See [`ReadMember`].
    ReadMember(ReadMember),
    /// See [`FindMember`].
    FindMember(FindMember),
    /// See [`UpdateMember`].
    UpdateMember(UpdateMember),
    /// See [`EraseMember`].
    EraseMember(EraseMember),
    /// See [`ListClients`].
    ListClients(ListClients),
    /// See [`CreateClient`].
    CreateClient(CreateClient),
    /// See [`ReadClient`].
    ReadClient(ReadClient),
    /// See [`DeleteClient`].
    DeleteClient(DeleteClient),
    /// See [`CreateToken`].
    CreateToken(CreateToken),
    /// See [`ListTokens`].
    ListTokens(ListTokens),
    /// See [`ReadToken`].
    ReadToken(ReadToken),
    /// See [`ReadSelf`].
    ReadSelf(ReadSelf),
    /// See [`UpdateToken`].
    UpdateToken(UpdateToken),
    /// See [`RotateToken`].
    RotateToken(RotateToken),
    /// See [`RevokeToken`].
    RevokeToken(RevokeToken),
    /// See [`RevokeText`].
    RevokeText(RevokeText),
    /// See [`RevokeTokens`].
    RevokeTokens(RevokeTokens),
    /// See [`ImportTokens`].
    ImportTokens(ImportTokens),
    /// See [`OpenSession`].
    OpenSession(OpenSession),
    /// See [`ReadIdentityProviders`].
    ReadIdentityProviders(ReadIdentityProviders),
    /// See [`SignIn`].
    SignIn(SignIn),
    /// See [`NoteRefusal`].
    NoteRefusal(NoteRefusal),
    /// See [`ReadSession`].
    ReadSession(ReadSession),
    /// See [`EndSession`].
    EndSession(EndSession),
    /// See [`ListSessions`].
    ListSessions(ListSessions),
    /// See [`ReadAudit`].
    ReadAudit(ReadAudit),
    /// See [`Records`].
    Records(Records),
    /// See [`Lease`].
    Lease(Lease),
    /// See [`ReadSnapshot`].
    ReadSnapshot(ReadSnapshot),
    /// See [`ReadSnapshotKeys`].
    ReadSnapshotKeys(ReadSnapshotKeys),
    /// See [`ReportUses`].
    ReportUses(ReportUses),
    /// See [`ReadUsage`].
    ReadUsage(ReadUsage),
    /// See [`CheckScope`].
    CheckScope(CheckScope),
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

macro_rules! commands {
    ($($command:ident => $reply:ty),* $(,)?) => {
        impl Command {
            /// Every [`kind`](Self::kind) there is.
            pub const KINDS: &[&str] = &[$(stringify!($command)),*];

            /// What kind of command it is: the name of its type.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$command(_) => stringify!($command)),* }
            }
        }

        $(
            impl Ask for $command {
                type Reply = $reply;
            }

            impl From<$command> for Command {
                fn from(command: $command) -> Self {
                    Self::$command(command)
                }
            }
        )*
    };
}

commands! {
    Bootstrap => Bootstrapped,
    ReadWorkspace => Workspace,
    UpdateWorkspace => Workspace,
    SuspendWorkspace => Workspace,
    SetHosts => Workspace,
    DeleteWorkspace => Deleted,
    GetScopes => Catalogue,
    PutScopes => Catalogue,
    ListMembers => Listing<Member>,
    CreateMember => Member,
    ReadMember => Member,
    FindMember => Member,
    UpdateMember => Member,
    EraseMember => Member,
    ListClients => Listing<Client>,
    CreateClient => Client,
    ReadClient => Client,
    DeleteClient => Client,
    CreateToken => Issued,
    ListTokens => Listing<TokenView>,
    ReadToken => TokenView,
    ReadSelf => TokenView,
    UpdateToken => TokenView,
    RotateToken => Issued,
    RevokeToken => TokenView,
    RevokeText => RevokedText,
    RevokeTokens => RevokedTokens,
    ImportTokens => Imported,
    OpenSession => OpenedSession,
    ReadIdentityProviders => IdentityProviders,
    SignIn => OpenedSession,
    NoteRefusal => RefusalNoted,
    ReadSession => Session,
    EndSession => Session,
    ListSessions => Listing<Session>,
    ReadAudit => Listing<AuditEntry>,
    Records => Recorded,
    Lease => Granted,
    ReadSnapshot => Snapshot,
    ReadSnapshotKeys => SnapshotKeys,
    ReportUses => Reported,
    ReadUsage => Usage,
    CheckScope => Holds,
}
