//! The single place where token rows are created.

use counterfoil_protocol::{TokenValue, command::Issued, command_error::CommandError};
use counterfoil_verify::{AddressBlock, RegistryKey, ScopeSet, Timestamp};

use super::{bound, shown, values::StoredValue};
use crate::{
    audit::{self, Change},
    columns::TableRow as _,
    generator::Generator,
    rows::{Inclusion, MemberRow, OwnedToken, TokenRow, WorkspaceRow, live_of},
    transaction::Transaction,
};

/// A new token for which everything except its owner's quota has been checked.
pub(crate) struct TokenDraft {
    pub(crate) owner: MemberRow,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) enabled: bool,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) client_id: Option<String>,
    /// Whether the token is bound to its client. If not, the client is only a label.
    pub(crate) pinned: bool,
    pub(crate) addresses: Vec<AddressBlock>,
    /// JSON text.
    pub(crate) metadata: Option<String>,
}

impl TokenDraft {
    /// A token without a name, valid immediately, without expiration and from any address.
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

/// Creates the token if its owner's quota allows it. The token value is only in the reply; the database stores its
/// digest and the masked token.
pub(crate) fn issue(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    workspace: &WorkspaceRow,
    generation: u64,
    draft: TokenDraft,
) -> Result<Issued, CommandError> {
    check_room(tx, workspace, &draft.owner, 1)?;
    let (secret, value) = generate_value(generator, workspace)?;
    let id = generator.token_id(tx.now);
    let issued = add(tx, id, value, generation, draft, "token.create")?;
    Ok(Issued::new(secret, issued.view(tx.now)?))
}

/// Checks that the owner may have this many more live tokens, and that its tokens may have this many more values in
/// total.
///
/// Commands never run concurrently, so the count is still correct when the new tokens are added.
///
/// # Errors
/// `QUOTA_EXCEEDED` names the quota that would suffice; `TEXTS_EXCEEDED`.
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

/// A new token value, and what is stored of it.
pub(super) fn generate_value(
    generator: &mut Generator<'_>,
    workspace: &WorkspaceRow,
) -> Result<(TokenValue, StoredValue), CommandError> {
    let (token, epoch) = generator.token(workspace)?;
    let token = token.as_ref();
    let value = StoredValue {
        digest: token.digest(),
        hint: token.hint().to_string(),
        seal_epoch: Some(epoch),
        weak: Inclusion::All,
    };
    Ok((TokenValue::new(token.expose()), value))
}

/// Inserts the token with its audit row and its record. The caller has checked everything else.
pub(super) fn add(
    tx: &Transaction<'_>,
    id: String,
    value: StoredValue,
    generation: u64,
    draft: TokenDraft,
    action: &'static str,
) -> Result<OwnedToken, CommandError> {
    let token = TokenRow {
        // The workspace row stores the last number, so a number is never reused, even if the token's row is gone.
        number: tx.sql.scalar("UPDATE workspace SET last_number = last_number + 1 RETURNING last_number", &[])?,
        id,
        digest: value.digest,
        seal_epoch: value.seal_epoch,
        hint: value.hint,
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
        weak: value.weak,
    };
    token.insert(tx.sql)?;
    let added = OwnedToken { token, owner: draft.owner, replaced: None };
    let after = shown::all(&added.view(tx.now)?)?;
    audit::append(tx, Change { action, subject: &added.token.id, before: None, after: Some(after) })?;
    let key = RegistryKey::Token(tx.workspace.key, added.token.digest);
    tx.publish(key, &added.token.record(), generation)?;
    Ok(added)
}
