//! The one place where a token comes to be.

use counterfoil_protocol::{TokenValue, command::Issued, command_error::CommandError};
use counterfoil_verify::{AddressBlock, RegistryKey, ScopeSet, Timestamp};

use super::{bound, shown, text::Text};
use crate::{
    audit::{self, Change},
    columns::TableRow as _,
    mint::Mint,
    rows::{Carried, MemberRow, OwnedToken, TokenRow, WorkspaceRow, live_of},
    transaction::Transaction,
};

/// What a token is to be, once all has been checked but its owner's quota.
pub(crate) struct TokenDraft {
    pub(crate) owner: MemberRow,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) enabled: bool,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) client_id: Option<String>,
    /// Whether the client pins the token, or only labels it.
    pub(crate) pinned: bool,
    pub(crate) addresses: Vec<AddressBlock>,
    /// As its JSON text.
    pub(crate) metadata: Option<String>,
}

impl TokenDraft {
    /// A nameless token that is good at once, for ever and from anywhere.
    pub(crate) fn of(owner: MemberRow, scopes: ScopeSet) -> Self {
        Self {
            owner,
            scopes,
            name: String::new(),
            note: None,
            enabled: true,
            not_before: None,
            expires_at: None,
            client_id: None,
            pinned: false,
            addresses: Vec::new(),
            metadata: None,
        }
    }
}

/// Issues the token, if its owner may have another. The text is in the answer and nowhere else: what is written are its
/// digest and hint.
pub(crate) fn issue(
    tx: &Transaction<'_>,
    mint: &mut Mint<'_>,
    workspace: &WorkspaceRow,
    generation: u64,
    draft: TokenDraft,
) -> Result<Issued, CommandError> {
    check_room(tx, workspace, &draft.owner, 1)?;
    let (secret, text) = draw_text(mint, workspace)?;
    let id = mint.token_id(tx.now);
    let issued = add(tx, id, text, generation, draft, "token.create")?;
    Ok(Issued::new(secret, issued.view(tx.now)?))
}

/// Checks that the owner may have so many more live tokens, and that its tokens may ever have had so many more texts.
///
/// No two commands run at once, so the tokens counted here are all there are when the new ones are added.
///
/// # Errors
/// `QUOTA_EXCEEDED` names the quota that would do; `TEXTS_EXCEEDED`.
pub(super) fn check_room(
    tx: &Transaction<'_>,
    workspace: &WorkspaceRow,
    owner: &MemberRow,
    more: u64,
) -> Result<(), CommandError> {
    let quota = owner.quota(workspace.settings.default_quota);
    let needed = live_of(tx.sql, owner.number, tx.now)?.saturating_add(more);
    if needed > quota {
        return Err(CommandError::QuotaExceeded { quota, needed });
    }
    bound::check(tx, workspace, owner, more)
}

/// A new text: what its bearer gets, and what is kept of it.
pub(super) fn draw_text(mint: &mut Mint<'_>, workspace: &WorkspaceRow) -> Result<(TokenValue, Text), CommandError> {
    let (token, epoch) = mint.token(workspace)?;
    let token = token.as_ref();
    let text = Text {
        digest: token.digest(),
        hint: token.hint().to_string(),
        seal_epoch: Some(epoch),
        weak: Carried::Everywhere,
    };
    Ok((TokenValue::new(token.expose()), text))
}

/// Writes the token down, with its audit row and its record. The caller has seen to everything else.
pub(super) fn add(
    tx: &Transaction<'_>,
    id: String,
    text: Text,
    generation: u64,
    draft: TokenDraft,
    action: &'static str,
) -> Result<OwnedToken, CommandError> {
    let token = TokenRow {
        // The row remembers the last one given, so none is given twice, even where a token's row is gone.
        number: tx.sql.scalar("UPDATE workspace SET last_number = last_number + 1 RETURNING last_number", &[])?,
        id,
        digest: text.digest,
        seal_epoch: text.seal_epoch,
        hint: text.hint,
        owner: draft.owner.number,
        name: draft.name,
        note: draft.note,
        scopes: draft.scopes,
        enabled: draft.enabled,
        not_before: draft.not_before,
        expires_at: draft.expires_at,
        revoked_at: None,
        revoke_reason: None,
        created_at: tx.now,
        created_by: tx.authority.id().unwrap_or("root").to_owned(),
        client_id: draft.client_id,
        pinned: draft.pinned,
        addresses: draft.addresses,
        metadata: draft.metadata,
        last_used_at: None,
        issued: generation,
        version: generation,
        weak: text.weak,
    };
    token.insert(tx.sql)?;
    let added = OwnedToken { token, owner: draft.owner, replaced: None };
    let after = shown::all(&added.view(tx.now)?)?;
    audit::append(tx, Change { action, subject: &added.token.id, before: None, after: Some(after) })?;
    let key = RegistryKey::Token(tx.workspace.key, added.token.digest);
    tx.publish(key, &added.token.record(), generation)?;
    Ok(added)
}
