//! The JSON shapes of answers that several routes share.

use counterfoil_ledger::command::{Issued, Listing, Owner, Page, Rotated, State, TokenView};
use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, ScopeSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::Rfc3339;

/// A token.
#[derive(Serialize)]
pub(super) struct Token {
    id: String,
    number: u64,
    digest: Digest,
    hint: String,
    name: String,
    note: Option<String>,
    owner: Owner,
    scopes: ScopeSet,
    effective_scopes: ScopeSet,
    state: State,
    enabled: bool,
    created_at: Rfc3339,
    created_by: String,
    expires_at: Option<Rfc3339>,
    not_before: Option<Rfc3339>,
    allowed_addresses: Vec<AddressBlock>,
    client_id: Option<String>,
    metadata: Option<Map<String, Value>>,
    last_used_at: Option<Rfc3339>,
    revoked_at: Option<Rfc3339>,
}

/// A token just issued: the one answer that shows its text.
#[derive(Serialize)]
pub(super) struct IssuedToken {
    /// The text; null where the request was repeated.
    token: Option<String>,
    #[serde(flatten)]
    repeat: Option<Repeat>,
    #[serde(flatten)]
    rest: Token,
}

/// What is said in place of a text that was shown before.
#[derive(Serialize)]
struct Repeat {
    token_shown_before: bool,
    detail: &'static str,
}

/// A token with its new text.
#[derive(Serialize)]
pub(super) struct RotatedToken {
    #[serde(flatten)]
    issued: IssuedToken,
    previous_valid_until: Rfc3339,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
    total: u64,
}

/// Whether a member or a workspace takes part.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    Active,
    Suspended,
}

impl Standing {
    pub(super) fn of(suspended: bool) -> Self {
        if suspended { Self::Suspended } else { Self::Active }
    }

    pub(super) fn is_suspended(self) -> bool {
        matches!(self, Self::Suspended)
    }
}

/// Which page, as the query says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

impl From<PageQuery> for Page {
    fn from(PageQuery { limit, cursor }: PageQuery) -> Self {
        Self { limit, cursor }
    }
}

impl<T> List<T> {
    pub(super) fn of<U>(listing: Listing<U>) -> Self
    where
        T: From<U>,
    {
        let Listing { items, next_cursor, total } = listing;
        Self { items: items.into_iter().map(T::from).collect(), next_cursor, total }
    }
}

impl From<Issued> for IssuedToken {
    fn from(Issued { text, token }: Issued) -> Self {
        let repeat = text.is_none().then_some(Repeat {
            token_shown_before: true,
            detail: "The token was shown in the first answer and is stored nowhere. If it is lost, rotate it.",
        });
        Self { token: text.map(|text| text.expose().to_owned()), repeat, rest: token.into() }
    }
}

impl From<Rotated> for RotatedToken {
    fn from(Rotated { issued, previous_valid_until }: Rotated) -> Self {
        Self { issued: issued.into(), previous_valid_until: Rfc3339(previous_valid_until) }
    }
}

impl From<TokenView> for Token {
    fn from(view: TokenView) -> Self {
        Self {
            id: view.id,
            number: view.number,
            digest: view.digest,
            hint: view.hint,
            name: view.name,
            note: view.note,
            owner: view.owner,
            scopes: view.scopes,
            effective_scopes: view.effective_scopes,
            state: view.state,
            enabled: view.enabled,
            created_at: Rfc3339(view.created_at),
            created_by: view.created_by,
            expires_at: view.expires_at.map(Rfc3339),
            not_before: view.not_before.map(Rfc3339),
            allowed_addresses: view.allowed_addresses,
            client_id: view.client_id,
            metadata: view.metadata,
            last_used_at: view.last_used_at.map(Rfc3339),
            revoked_at: view.revoked_at.map(Rfc3339),
        }
    }
}
