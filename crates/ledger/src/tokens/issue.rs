//! The one place where a token comes to be.

use counterfoil_verify::{AddressBlock, RegistryKey, ScopeSet, Timestamp};
use serde_json::json;

use super::{OwnedToken, TokenRow, live_of};
use crate::{
    audit::{self, Change},
    command::Issued,
    members::MemberRow,
    mint::Mint,
    refusal::Refusal,
    secret::SecretText,
    sql::SqlError,
    work::Work,
    workspace::WorkspaceRow,
};

/// What a token is to be, once all has been checked but its owner's quota.
pub(crate) struct Draft {
    pub(crate) owner: MemberRow,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) enabled: bool,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) client_id: Option<String>,
    pub(crate) addresses: Vec<AddressBlock>,
    /// As its JSON text.
    pub(crate) metadata: Option<String>,
}

impl Draft {
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
            addresses: Vec::new(),
            metadata: None,
        }
    }
}

/// Issues the token, if its owner may have another. The text is in the answer and nowhere else: what is written are its
/// digest and hint.
///
/// No two commands run at once, so the tokens counted here are all there are when the new one is added.
pub(crate) fn issue(
    work: &Work<'_>,
    mint: &mut Mint<'_>,
    workspace: &WorkspaceRow,
    generation: u64,
    draft: Draft,
) -> Result<Issued, Refusal> {
    let quota = draft.owner.quota(workspace.default_quota);
    if live_of(work.sql, draft.owner.number, work.now)? >= quota {
        return Err(Refusal::QuotaExceeded { quota });
    }
    let (text, epoch) = mint.token(workspace)?;
    let text = text.as_ref();
    let token = TokenRow {
        number: next_number(work)?,
        id: mint.token_id(work.now),
        digest: text.digest(),
        seal_epoch: Some(epoch),
        hint: text.hint().to_string(),
        owner: draft.owner.number,
        name: draft.name,
        note: draft.note,
        scopes: draft.scopes,
        enabled: draft.enabled,
        not_before: draft.not_before,
        expires_at: draft.expires_at,
        revoked_at: None,
        revoke_reason: None,
        created_at: work.now,
        created_by: work.authority.token().map_or_else(|| "root".to_owned(), |held| held.token.id.clone()),
        client_id: draft.client_id,
        addresses: draft.addresses,
        metadata: draft.metadata,
        last_used_at: None,
        issued: generation,
        version: generation,
    };
    token.insert(work.sql)?;
    let issued = OwnedToken { token, owner: draft.owner };
    let view = issued.view(work.now)?;
    audit::append(work, Change { action: "token.create", subject: &view.id, before: None, after: Some(json!(view)) })?;
    work.publish(RegistryKey::Token(workspace.key, view.digest), &issued.token.record(), generation)?;
    Ok(Issued { text: SecretText::new(text.expose()), token: view })
}

/// The next token's number. The row remembers the last one given, so none is given twice, even where a token's row is
/// gone.
fn next_number(work: &Work<'_>) -> Result<u64, SqlError> {
    let rows = work.sql.exec("UPDATE workspace SET last_number = last_number + 1 RETURNING last_number", &[])?;
    rows.into_iter().next().ok_or_else(|| SqlError::new("the workspace's row is gone"))?.take()
}
