//! Commands for signing in through an identity provider, and their replies.

use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};

use crate::web_address::WebAddress;

/// An OpenID Connect provider that the workspace trusts to authenticate members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub struct IdentityProvider {
    /// The issuer, exactly as its tokens name it, without a query.
    pub issuer: WebAddress,
    /// The audience that its tokens must have: the client id, or the AUD tag of a Cloudflare Access application. 1–255
    /// visible ASCII characters.
    pub audience: String,
    /// The URL of its keys. Default: the one in its `/.well-known/openid-configuration`.
    #[serde(default)]
    pub jwks_uri: Option<WebAddress>,
    /// How an identity token is matched to a member.
    pub member_by: MemberBy,
    /// Whether the provider states only verified e-mail addresses and need not say so in each token. Cloudflare Access
    /// is such a provider: its application tokens have an `email`, which its own identity provider verified, and no
    /// `email_verified`. An address that a token calls unverified is never accepted.
    #[serde(default)]
    pub vouches_for_email: bool,
    /// Whether the console offers this provider for sign-in.
    #[serde(default)]
    pub sign_in: bool,
}

/// How an identity token is matched to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberBy {
    /// The one active member with the token's verified e-mail address.
    Email,
    /// The member whose `subject` is the token's.
    Subject,
}

/// Reads the identity providers. For the control plane itself, during a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadIdentityProviders {}

/// The workspace's identity providers, in the configured order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProviders {
    /// The providers.
    pub providers: Vec<IdentityProvider>,
}

/// Creates a session for the member that an identity token identifies. The control plane has verified the token's
/// signature, issuer, audience and times; the ledger maps it to a member. The session has its member's granted scopes.
/// It lasts for the workspace's session length, or until the member is suspended or erased, all its tokens are revoked,
/// or the provider is removed from the workspace.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The provider that issued the token.
    pub issuer: WebAddress,
    /// The token's audience, as the workspace configures it.
    pub audience: String,
    /// The token's `sub`.
    pub subject: String,
    /// The token's e-mail address, if it has one.
    pub email: Option<String>,
    /// Whether the provider states that the address is verified; `None` if the token does not say.
    pub email_verified: Option<bool>,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Why a sign-in failed although a provider of the workspace had signed the token. It identifies no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSignedIn {
    /// The token has expired.
    TokenExpired,
    /// The token does not meet the requirements of an identity token for this workspace: it is of another kind, not
    /// valid yet, or issued to another client.
    TokenUnfit,
    /// The token was issued for a sign-in flow other than the browser's.
    OtherFlow,
    /// The workspace is suspended.
    WorkspaceSuspended,
    /// The token has no e-mail address, by which this provider's members are identified.
    EmailMissing,
    /// The provider does not say that the address is verified, or says that it is not.
    EmailNotVerified,
    /// A member has this subject, but no provider was assigned to it.
    SubjectUndecided,
    /// No member matches the identity.
    NoMember,
    /// The member is suspended.
    MemberSuspended,
    /// Several active members have the address.
    SeveralMembers,
}

impl NotSignedIn {
    /// The reason for the log, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TokenExpired => "the identity token has expired",
            Self::TokenUnfit => "the identity token is not valid for this workspace",
            Self::OtherFlow => "the identity token belongs to another sign-in flow",
            Self::WorkspaceSuspended => "the workspace is suspended",
            Self::EmailMissing => "the identity token has no e-mail address",
            Self::EmailNotVerified => "the e-mail address is not verified",
            Self::SubjectUndecided => "the member's subject is not assigned to an identity provider",
            Self::NoMember => "no member has this identity",
            Self::MemberSuspended => "the member is suspended",
            Self::SeveralMembers => "several active members have this identity",
        }
    }
}

/// Records a failed sign-in and its reason, for admins to read in the audit log. Only for the control plane itself,
/// after it has verified that a provider of the workspace signed the token: no other caller can cause this. For each
/// reason and provider at most one row per minute is written, and only the last thousand rows are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct NoteRefusal {
    /// The provider that issued the token.
    pub issuer: WebAddress,
    /// The token's audience, as the workspace configures it.
    pub audience: String,
    /// The reason.
    pub reason: NotSignedIn,
}

/// Whether a row was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalNoted {
    /// False if a row for this reason and provider was written recently.
    pub noted: bool,
}
