//! What a ledger can be told to do, as it travels from the API to the ledger's object: typed JSON.
//!
//! A [`Request`] names its actor; the ledger authenticates, authorises and executes it in one transaction. Each command
//! is a type of its own with the reply it earns, so that a caller cannot mistake one answer for another.

use core::net::IpAddr;

use counterfoil_token::{Digest, Prefix, WorkspaceKey};
use counterfoil_verify::{AddressBlock, Answer, Freshness, Scope, ScopePattern, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{secret::SecretText, slug::Slug};

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
    /// What to do.
    pub command: Command,
}

/// Who asks. The ledger looks the token up itself: the caller's word for its scopes is never taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The bearer of the token with this digest.
    Token(Digest),
    /// The bearer of the deployment's root token: an admin of every workspace.
    Root,
    /// The control plane's own verifier. It may ask for [`Records`] and nothing else.
    Verifier,
}

/// A command's type says what it answers.
pub trait Ask: Into<Command> + Send {
    /// What the ledger replies when it has done it.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// Every command.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// See [`Bootstrap`].
    Bootstrap(Bootstrap),
    /// See [`GetScopes`].
    GetScopes(GetScopes),
    /// See [`PutScopes`].
    PutScopes(PutScopes),
    /// See [`ListMembers`].
    ListMembers(ListMembers),
    /// See [`CreateMember`].
    CreateMember(CreateMember),
    /// See [`CreateToken`].
    CreateToken(CreateToken),
    /// See [`ListTokens`].
    ListTokens(ListTokens),
    /// See [`ReadToken`].
    ReadToken(ReadToken),
    /// See [`ReadSelf`].
    ReadSelf(ReadSelf),
    /// See [`RevokeToken`].
    RevokeToken(RevokeToken),
    /// See [`Records`].
    Records(Records),
}

/// Root only: makes the workspace with its first admin member (`admin`, number 1, granted everything) and that member's
/// first token. Repeated while nothing else has happened there, it revokes that token, which nobody can have used, and
/// mints another: so the API may try again after a lost answer. Later it is refused as existing. It is the directory
/// that refuses a slug which is already confirmed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The workspace's slug, as the directory has it.
    pub slug: Slug,
    /// The workspace's name, for people: 1–200 characters.
    pub name: String,
    /// The prefix of the workspace's tokens.
    pub prefix: Prefix,
}

/// The catalogue; needs `tokens:read`. An admin is shown all of it, others what they may grant.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetScopes {}

/// Replaces the scope catalogue; needs `workspace:manage`. Built-in scopes are not part of it (refused: `BUILT_IN_SCOPE`).
#[derive(Debug, Serialize, Deserialize)]
pub struct PutScopes {
    /// The whole catalogue, at most 1,000 entries, names distinct.
    pub scopes: Vec<ScopeEntry>,
}

/// The members, by number; needs `workspace:manage`. With `tokens:read` alone, the member as whom the actor acts.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListMembers {
    /// Which page.
    pub page: Page,
}

/// Adds a member; needs `workspace:manage`. Only admins make admins, and nobody grants a member more than a token could
/// be granted by it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateMember {
    /// 1–128 visible ASCII characters, unique in the workspace.
    pub id: String,
    /// Its number, from 1; one more than the highest where absent.
    pub number: Option<u64>,
    /// 1–200 characters.
    pub name: String,
    /// An address with one `@`, at most 254 characters.
    pub email: Option<String>,
    /// What it may act on.
    pub role: Role,
    /// What its tokens may be granted at most; at most 100 patterns.
    pub grants: Vec<ScopePattern>,
    /// How many live tokens it may have, up to a million; the workspace's default where absent.
    pub quota: Option<u64>,
}

/// Issues a token; needs `tokens:write`. It may do no more, no longer and from nowhere else than the actor's own token;
/// where that holds `tokens:grant`, no more than the actor's member is granted. In any case no more than its owner is
/// granted. Only an admin issues to other members.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateToken {
    /// 0–200 characters.
    pub name: String,
    /// 0–1,000 characters.
    pub note: Option<String>,
    /// The owner's member id; the actor's own member where absent. Root has none and must name one.
    pub owner: Option<String>,
    /// The token's own scopes, at most 100. Each is built in, or in the catalogue, or a wildcard that matches such.
    pub scopes: Vec<ScopePattern>,
    /// When it ends, at most one way of saying so.
    pub lifetime: Lifetime,
    /// Valid from here on; before its end.
    pub not_before: Option<Timestamp>,
    /// Whether it starts switched on.
    pub enabled: bool,
    /// Where it may be used from, at most 100 blocks. Where empty: anywhere, or where the creating token may be used
    /// from unless that holds `tokens:grant`.
    pub allowed_addresses: Vec<AddressBlock>,
    /// At most 4 KiB of JSON, at most 32 levels deep.
    pub metadata: Option<Map<String, Value>>,
}

/// How long a new token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// As long as the actor may give it.
    Longest,
    /// Until this moment, which must lie ahead, in the year 9999 at the latest.
    Until(Timestamp),
    /// For so many seconds, at least one.
    Seconds(u64),
}

/// The tokens that the actor may see, newest first; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListTokens {
    /// Which page.
    pub page: Page,
}

/// One token by its public id; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadToken {
    /// `tok_…`
    pub id: String,
}

/// The token that the actor presents. Needs no scope: a live token may read itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSelf {}

/// Revokes one token for good; needs `tokens:write`. A token may revoke itself.
/// Revoked before, it answers as it stands and nothing is written.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeToken {
    /// `tok_…`
    pub id: String,
    /// For the audit, at most 200 characters.
    pub reason: Option<String>,
}

/// What a verifier needs to know of these texts, as of now; needs `tokens:verify`. At most 101 digests
/// (a hundred and the asker's own). Writes nothing. Where there is no workspace by that key, the answer says so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Records {
    /// The texts in question.
    pub digests: Vec<Digest>,
}

/// A part of a longer list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many items: 1 to 100, 50 where absent.
    pub limit: Option<u32>,
    /// Where the last page ended: its `next_cursor`, opaque to callers.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
    /// How many items all pages have together.
    pub total: u64,
}

/// What a member may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Every member's tokens.
    Admin,
    /// Its own.
    Member,
}

/// One scope of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeEntry {
    /// The scope.
    pub name: Scope,
    /// What it permits, in words; at most 500 characters.
    pub description: String,
    /// Who is shown it: admins only, or everybody.
    pub visible_to: Role,
    /// Who may grant it: admins only, or everybody who has it.
    pub grantable_by: Role,
    /// The freshness that a check for it asks at least.
    pub freshness: Option<Freshness>,
}

/// The catalogue as the actor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// In the order of their names.
    pub scopes: Vec<ScopeEntry>,
}

/// The workspace as its admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its key, as its tokens carry it.
    pub key: WorkspaceKey,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The prefix of its tokens.
    pub prefix: Prefix,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// What it may act on.
    pub role: Role,
    /// What its tokens may be granted at most.
    pub grants: ScopeSet,
    /// How many live tokens it may have.
    pub quota: u64,
    /// How many it has.
    pub live_tokens: u64,
    /// Whether it is suspended.
    pub suspended: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The member's id.
    pub id: String,
    /// The member's number.
    pub number: u64,
}

/// What a token is just now: of several that apply, the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Revoked, for good.
    Revoked,
    /// Switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    Pending,
    /// None of these.
    Active,
}

/// A token as its owner and admins see it: everything but its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// `tok_…`
    pub id: String,
    /// Its number in the workspace.
    pub number: u64,
    /// The digest of its text.
    pub digest: Digest,
    /// Prefix and last four characters, to recognise it by.
    pub hint: String,
    /// Its name.
    pub name: String,
    /// A note about it.
    pub note: Option<String>,
    /// Who it belongs to.
    pub owner: Owner,
    /// Its own scopes.
    pub scopes: ScopeSet,
    /// What it may do: its own scopes as far as its owner is granted them.
    pub effective_scopes: ScopeSet,
    /// What it is just now.
    pub state: State,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Who issued it: a token's id, or `root`.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it begins.
    pub not_before: Option<Timestamp>,
    /// Where it may be used from; anywhere where empty.
    pub allowed_addresses: Vec<AddressBlock>,
    /// The client it is pinned to or labelled with.
    pub client_id: Option<String>,
    /// Free-form metadata.
    pub metadata: Option<Map<String, Value>>,
    /// When it was last used, as far as is known.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A token just issued, with its text: the one reply that carries it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Issued {
    /// The text, this once.
    pub text: SecretText,
    /// The token.
    pub token: TokenView,
}

/// What [`Bootstrap`] made.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The workspace.
    pub workspace: Workspace,
    /// The first admin's first token.
    pub admin: Issued,
}

macro_rules! commands {
    ($($command:ident => $reply:ty),* $(,)?) => { $(
        impl Ask for $command {
            type Reply = $reply;
        }

        impl From<$command> for Command {
            fn from(command: $command) -> Self {
                Self::$command(command)
            }
        }
    )* };
}

commands! {
    Bootstrap => Bootstrapped,
    GetScopes => Catalogue,
    PutScopes => Catalogue,
    ListMembers => Listing<Member>,
    CreateMember => Member,
    CreateToken => Issued,
    ListTokens => Listing<TokenView>,
    ReadToken => TokenView,
    ReadSelf => TokenView,
    RevokeToken => TokenView,
    Records => Answer,
}
