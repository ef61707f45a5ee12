//! Signing in by an identity provider: who may vouch for members, and whose a verified identity is.
//!
//! The control plane has checked an identity token before anything of it comes here. What is decided here is whether the
//! workspace takes that provider's word at this moment, and which member is meant. Whatever fails looks the same from
//! outside; the log says why, and so does the audit where the provider did sign the token. Neither names anybody.

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
    audit, check, limits::Limits, members::MemberLookup, mint::Mint, rows::MemberRow, sessions, sql::Sql,
    transaction::Transaction,
};

/// The most providers that a workspace has.
const MAX_PROVIDERS: usize = 4;

/// How long after its end a token is still taken, in milliseconds: clocks differ. The control plane allows as much.
const TOLERANCE: u64 = 60 * 1_000;

/// The providers as they are to be, if they may be so.
///
/// Who says who vouches for members can sign in as any of them. So only who may grant everything may change it.
pub(crate) fn check_providers(
    tx: &Transaction<'_>,
    providers: Vec<IdentityProvider>,
) -> Result<Vec<IdentityProvider>, CommandError> {
    check::at_most(MAX_PROVIDERS, providers.len(), "/identity_providers", "providers")?;
    for (index, provider) in providers.iter().enumerate() {
        let at = |field: &str| format!("/identity_providers/{index}/{field}");
        if provider.issuer.has_query() {
            return Err(CommandError::invalid_value(at("issuer"), "An issuer has no query."));
        }
        let audience = &provider.audience;
        if !(1..=255).contains(&audience.len()) || !audience.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CommandError::invalid_value(
                at("audience"),
                "An audience is 1 to 255 visible ASCII characters.",
            ));
        }
        let is_same = |other: &IdentityProvider| other.issuer == provider.issuer && other.audience == *audience;
        if providers.iter().take(index).any(is_same) {
            let detail = "There is already a provider with this issuer and this audience.";
            return Err(CommandError::invalid_value(at("audience"), detail));
        }
    }
    if providers != tx.workspace.settings.identity_providers {
        let detail = "Only an admin who may grant everything may change who vouches for members.";
        Limits::of(&tx.authority).check_everything(detail)?;
    }
    Ok(providers)
}

/// Who may vouch for members.
pub(crate) fn providers(tx: &Transaction<'_>) -> Result<IdentityProviders, CommandError> {
    tx.authority.require_sign_in()?;
    Ok(IdentityProviders { providers: tx.workspace.settings.identity_providers.clone() })
}

/// Opens a session for the member that is meant, if there is exactly one and it takes part.
pub(crate) fn sign_in(tx: &Transaction<'_>, mint: &mut Mint<'_>, ask: &SignIn) -> Result<OpenedSession, CommandError> {
    tx.authority.require_sign_in()?;
    if tx.workspace.suspended {
        return Err(CommandError::not_signed_in(NotSignedIn::WorkspaceSuspended));
    }
    let Some(provider) = provider(tx, &ask.issuer, &ask.audience) else {
        return Err(CommandError::NotSignedIn { detail: "no such provider".to_owned(), reason: None });
    };
    if is_over(ask.expires_at, tx.now) {
        return Err(CommandError::not_signed_in(NotSignedIn::TokenExpired));
    }
    let member = find(tx.sql, provider, ask)?;
    sessions::open_for(tx, mint, &member, provider)
}

/// Writes down why nobody signed in. Strangers with an account at the provider can bring this about as often as they like, so
/// rows are few: that there was one says enough.
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

fn is_over(end: Timestamp, now: Timestamp) -> bool {
    end.plus(TOLERANCE) <= now
}

/// The member that is meant.
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
