//! Commands about signing in by an identity provider, and what they answer.

use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};

use crate::web_address::WebAddress;

/// An OpenID provider whose word the workspace takes for who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub struct IdentityProvider {
    /// Its issuer, to the letter as its tokens name it; without a query.
    pub issuer: WebAddress,
    /// Whom its tokens must be meant for: the client id, or the AUD tag of a Cloudflare Access application; 1–255 visible
    /// ASCII characters.
    pub audience: String,
    /// Where its keys are; where absent, its `/.well-known/openid-configuration` says it.
    #[serde(default)]
    pub jwks_uri: Option<WebAddress>,
    /// Which member a token is about.
    pub member_by: MemberBy,
    /// Whether it states verified e-mail addresses only, and hence need not say so in each token. Cloudflare Access is such a
    /// one: its application tokens have an `email`, which its own identity provider verified, and no `email_verified`. An
    /// address that a token calls unverified is never taken.
    #[serde(default)]
    pub vouches_for_email: bool,
    /// Whether the console offers to sign in there.
    #[serde(default)]
    pub sign_in: bool,
}

/// By what an identity token finds its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberBy {
    /// The one active member with the token's verified e-mail address.
    Email,
    /// The member whose `subject` is the token's.
    Subject,
}

/// Who may vouch for members. For the control plane itself, where somebody signs in.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadIdentityProviders {}

/// The workspace's providers, in its own order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProviders {
    /// All of them.
    pub providers: Vec<IdentityProvider>,
}

/// Opens a session for the member that an identity token is about: the control plane has checked the token's signature,
/// issuer, audience and times, and the ledger decides whose it is. The session may do what its member is granted. It lasts
/// for the workspace's session length, or until the member is suspended or erased, all its tokens are revoked, or the
/// provider is no longer among the workspace's.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The provider that issued the token.
    pub issuer: WebAddress,
    /// Whom it is meant for, as the workspace names it.
    pub audience: String,
    /// The provider's name for whom it is about.
    pub subject: String,
    /// Their e-mail address, where the token states one.
    pub email: Option<String>,
    /// Whether the provider says that the address is theirs; absent where it says nothing of it.
    pub email_verified: Option<bool>,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Why nobody signed in although a provider of the workspace had signed the token. It names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSignedIn {
    /// The token's time is over.
    TokenExpired,
    /// The token is not what an identity token for this workspace must be: of another kind, not valid yet, or issued to
    /// another client.
    TokenUnfit,
    /// The token is of another flow than the browser's.
    OtherFlow,
    /// The workspace is suspended.
    WorkspaceSuspended,
    /// The token states no e-mail address, by which the provider's members are found.
    EmailMissing,
    /// The provider does not say that the address is verified, or says that it is not.
    EmailNotVerified,
    /// There is a member with this subject, and nobody has said at which provider.
    SubjectUndecided,
    /// No member is known by this identity.
    NoMember,
    /// The member is suspended.
    MemberSuspended,
    /// Several active members have the address.
    SeveralMembers,
}

impl NotSignedIn {
    /// The same for the log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TokenExpired => "the identity token has expired",
            Self::TokenUnfit => "the identity token is not fit for this",
            Self::OtherFlow => "the token is of another flow",
            Self::WorkspaceSuspended => "the workspace is suspended",
            Self::EmailMissing => "the identity token states no e-mail address",
            Self::EmailNotVerified => "the e-mail address is not verified",
            Self::SubjectUndecided => "nobody has said which provider's subject the member's is",
            Self::NoMember => "no member by this identity",
            Self::MemberSuspended => "the member is suspended",
            Self::SeveralMembers => "several active members by this identity",
        }
    }
}

/// Writes down that nobody signed in, and why, for admins to read in the audit. For the control plane itself, once it has
/// found that a provider of the workspace did sign the token: nobody else can bring this about. Of each reason at each
/// provider there is a row a minute at most, and only the last thousand rows are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct NoteRefusal {
    /// The provider that issued the token.
    pub issuer: WebAddress,
    /// Whom it is meant for, as the workspace names it.
    pub audience: String,
    /// Why.
    pub reason: NotSignedIn,
}

/// Whether a row was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalNoted {
    /// Not where there was one just now.
    pub noted: bool,
}
