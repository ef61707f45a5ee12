//! The parts of a token that dialects display, and the commands that they share.

use counterfoil_protocol::{
    command::{
        CreateToken, Lifetime, ListTokens, Owner, Page, Patch, ReadMember, ReadSelf, TokenColumn, TokenFilter,
        TokenSort, UpdateToken,
    },
    rfc3339,
};
use counterfoil_token::Digest;
use counterfoil_verify::{ScopePattern, ScopeSet, Timestamp};
use serde::Deserialize;

use crate::{auth::Caller, http::Problem, ports::Ports};

/// The most tokens in a list without pages, so that its time is bounded.
const MOST: usize = 10_000;

/// The most tokens in one page of the ledger.
const PAGE: u32 = 100;

/// A token.
#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) name: String,
    pub(super) note: Option<String>,
    pub(super) owner: Owner,
    pub(super) scopes: ScopeSet,
    pub(super) effective_scopes: ScopeSet,
    pub(super) enabled: bool,
    #[serde(with = "rfc3339")]
    pub(super) created_at: Timestamp,
    #[serde(with = "rfc3339::option")]
    pub(super) expires_at: Option<Timestamp>,
    pub(super) client_id: Option<String>,
    #[serde(with = "rfc3339::option")]
    pub(super) last_used_at: Option<Timestamp>,
    #[serde(with = "rfc3339::option")]
    pub(super) revoked_at: Option<Timestamp>,
    /// The token value, if the token was created just now.
    #[serde(default, rename = "token")]
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    items: Vec<Token>,
    next_cursor: Option<String>,
}

impl Token {
    /// Whether it is neither revoked nor expired, like [`TokenFilter::live`].
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl<P: Ports> Caller<P> {
    /// The caller's own token: the one presented, or the one that opened the session.
    pub(super) async fn own_token(&self) -> Result<Token, Problem> {
        self.ask(ReadSelf {}).await?.read_as()
    }

    /// The member's granted scopes, if the caller may read them.
    pub(super) async fn grants(&self, id: String) -> Result<ScopeSet, Problem> {
        #[derive(Deserialize)]
        struct Member {
            grants: ScopeSet,
        }
        let Member { grants } = self.ask(ReadMember { id }).await?.read_as()?;
        Ok(grants)
    }

    /// All tokens that match the filter, newest first; at most the newest 10,000.
    pub(super) async fn tokens(&self, filter: TokenFilter) -> Result<Vec<Token>, Problem> {
        let mut tokens = Vec::new();
        let mut cursor = None;
        loop {
            let Listed { items, next_cursor } = self.page(filter.clone(), PAGE, cursor).await?;
            tokens.extend(items);
            if next_cursor.is_none() || tokens.len() >= MOST {
                return Ok(tokens);
            }
            cursor = next_cursor;
        }
    }

    /// The newest token that matches the filter.
    pub(super) async fn token(&self, filter: TokenFilter) -> Result<Option<Token>, Problem> {
        let mut cursor = None;
        loop {
            // A page may be empty although further ones are not.
            let Listed { mut items, next_cursor } = self.page(filter.clone(), 1, cursor).await?;
            if !items.is_empty() || next_cursor.is_none() {
                return Ok(items.pop());
            }
            cursor = next_cursor;
        }
    }

    async fn page(&self, filter: TokenFilter, limit: u32, cursor: Option<String>) -> Result<Listed, Problem> {
        let sort = TokenSort { by: TokenColumn::Number, descending: true };
        self.ask(ListTokens { filter, sort, page: Page { limit: Some(limit), cursor }, usage: None }).await?.read_as()
    }
}

/// Creates a token for the caller's own member, valid immediately, from any address, with the longest lifetime allowed.
pub(super) fn new(name: String, scopes: Vec<ScopePattern>) -> CreateToken {
    CreateToken {
        name,
        note: None,
        owner: None,
        scopes,
        lifetime: Lifetime::Longest,
        not_before: None,
        enabled: true,
        allowed_addresses: Vec::new(),
        client_id: None,
        metadata: None,
    }
}

/// A change of this token with no fields set.
pub(super) fn change(id: String) -> UpdateToken {
    UpdateToken {
        id,
        name: None,
        note: Patch::Keep,
        enabled: None,
        scopes: None,
        lifetime: Patch::Keep,
        not_before: Patch::Keep,
        allowed_addresses: None,
        metadata: Patch::Keep,
    }
}
