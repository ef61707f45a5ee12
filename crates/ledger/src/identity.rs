//! Signing in through an identity provider: which providers are trusted, and which member an identity belongs to.
//!
//! The control plane has already verified the ID token. This module decides whether the workspace trusts the provider
//! now, and finds the member. Every failure looks the same to the client. The log states the reason, and so does the
//! audit log if the provider did sign the token. Neither identifies a person.

use counterfoil_protocol::{
    WebAddress,
    command::{
        IdentityProvider, IdentityProviders, MemberBy, NotSignedIn, NoteRefusal, OpenedSession, RefusalNoted, SignIn,
    },
    command_error::CommandError,
};
use counterfoil_verify::Timestamp;
use serde_json::json;

use crate::{
    audit, check, generator::Generator, limits::Limits, members::MemberLookup, rows::MemberRow, sessions, sql::Sql,
    transaction::Transaction,
};

/// The maximum number of identity providers of a workspace.
const MAX_PROVIDERS: usize = 4;

/// Clock skew: how long after its expiration an ID token is still accepted, in milliseconds. The control plane allows
/// the same.
const TOLERANCE: u64 = 60 * 1_000;

/// Validates a new list of identity providers.
///
/// An actor that configures a provider could sign in as any member through it. Only an admin who can grant every scope
/// may change the list.
pub(crate) fn check_providers(
    tx: &Transaction<'_>,
    providers: Vec<IdentityProvider>,
) -> Result<Vec<IdentityProvider>, CommandError> {
    check::at_most(MAX_PROVIDERS, providers.len(), "/identity_providers", "providers")?;
    for (index, provider) in providers.iter().enumerate() {
        let at = |field: &str| format!("/identity_providers/{index}/{field}");
        if provider.issuer.has_query() {
            return Err(CommandError::invalid_value(at("issuer"), "The issuer URL must not have a query."));
        }
        let audience = &provider.audience;
        if !(1..=255).contains(&audience.len()) || !audience.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CommandError::invalid_value(
                at("audience"),
                "The audience must be 1 to 255 visible ASCII characters.",
            ));
        }
        let is_same = |other: &IdentityProvider| other.issuer == provider.issuer && other.audience == *audience;
        if providers.iter().take(index).any(is_same) {
            let detail = "A provider with this issuer and audience already exists.";
            return Err(CommandError::invalid_value(at("audience"), detail));
        }
    }
    if providers != tx.workspace.settings.identity_providers {
        let detail = "Only an admin who can grant every scope (`*`) can change the identity providers.";
        Limits::of(&tx.authority).check_everything(detail)?;
    }
    Ok(providers)
}

/// The identity providers that are trusted.
pub(crate) fn providers(tx: &Transaction<'_>) -> Result<IdentityProviders, CommandError> {
    tx.authority.require_sign_in()?;
    Ok(IdentityProviders { providers: tx.workspace.settings.identity_providers.clone() })
}

/// Opens a session for the member that the identity belongs to, if there is exactly one and it is active.
pub(crate) fn sign_in(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    ask: &SignIn,
) -> Result<OpenedSession, CommandError> {
    tx.authority.require_sign_in()?;
    if tx.workspace.suspended {
        return Err(CommandError::not_signed_in(NotSignedIn::WorkspaceSuspended));
    }
    let Some(provider) = provider(tx, &ask.issuer, &ask.audience) else {
        return Err(CommandError::NotSignedIn {
            detail: "the workspace has no such identity provider".to_owned(),
            reason: None,
        });
    };
    if has_expired(ask.expires_at, tx.now) {
        return Err(CommandError::not_signed_in(NotSignedIn::TokenExpired));
    }
    let member = find(tx.sql, provider, ask)?;
    sessions::open_for(tx, generator, &member, provider)
}

/// Records the reason of a refused sign-in. Outsiders with an account at the provider can cause this at any rate, so
/// only few rows are kept; one is enough to show that it happens.
pub(crate) fn note_refusal(tx: &Transaction<'_>, ask: &NoteRefusal) -> Result<RefusalNoted, CommandError> {
    tx.authority.require_sign_in()?;
    if provider(tx, &ask.issuer, &ask.audience).is_none() {
        return Ok(RefusalNoted { noted: false });
    }
    let after = json!({ "issuer": ask.issuer, "reason": ask.reason });
    let noted = audit::append_refusal(tx, after)?;
    Ok(RefusalNoted { noted })
}

fn provider<'a>(tx: &'a Transaction<'_>, issuer: &WebAddress, audience: &str) -> Option<&'a IdentityProvider> {
    let providers = &tx.workspace.settings.identity_providers;
    providers.iter().find(|provider| provider.issuer == *issuer && provider.audience == audience)
}

fn has_expired(end: Timestamp, now: Timestamp) -> bool {
    end.plus(TOLERANCE) <= now
}

/// The member that the identity belongs to.
fn find(sql: &dyn Sql, provider: &IdentityProvider, ask: &SignIn) -> Result<MemberRow, CommandError> {
    let found = match (provider.member_by, &ask.email) {
        (MemberBy::Subject, _) => MemberLookup::by_subject(sql, provider.issuer.as_str(), &ask.subject)?,
        (MemberBy::Email, None) => return Err(CommandError::not_signed_in(NotSignedIn::EmailMissing)),
        (MemberBy::Email, Some(email)) if ask.email_verified.unwrap_or(provider.vouches_for_email) => {
            MemberLookup::by_email(sql, email)?
        }
        (MemberBy::Email, Some(_)) => return Err(CommandError::not_signed_in(NotSignedIn::EmailNotVerified)),
    };
    Err(CommandError::not_signed_in(match found {
        MemberLookup::One(member) => return Ok(*member),
        MemberLookup::Suspended => NotSignedIn::MemberSuspended,
        MemberLookup::Several => NotSignedIn::SeveralMembers,
        MemberLookup::Undecided => NotSignedIn::SubjectUndecided,
        MemberLookup::Nobody => NotSignedIn::NoMember,
    }))
}
