//! Tokens with their owners, and with the token value by which each was found.

use counterfoil_protocol::{
    command::{State, TokenView},
    command_error::CommandError,
    json,
};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Demand, Facts, ScopeSet, Timestamp, TokenRecord, WorkspaceRecord, decide};

use super::{members::MemberRow, replaced_texts::ReplacedText, tokens::TokenRow};
use crate::{
    columns::Columns as _,
    sql::{FromRow, Row, Sql, SqlError, Value},
};

/// A token and its owner. Both are needed to decide what the token allows.
#[derive(Clone)]
pub(crate) struct OwnedToken {
    pub(crate) token: TokenRow,
    pub(crate) owner: MemberRow,
    /// The token value by which the token was found, if rotation has replaced it.
    pub(crate) replaced: Option<ReplacedText>,
}

/// The result of a lookup by digest.
pub(crate) enum TokenLookup {
    Nothing,
    One(Box<OwnedToken>),
    /// The row exists and has a column that cannot be read.
    Unreadable(SqlError),
}

impl FromRow for OwnedToken {
    fn from_row(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self { token: row.take()?, owner: row.take()?, replaced: None })
    }
}

impl OwnedToken {
    /// The token that has, or once had, the token value with this digest.
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest) -> Result<Option<Self>, SqlError> {
        match Self::look_up(sql, digest)? {
            TokenLookup::Nothing => Ok(None),
            TokenLookup::One(held) => Ok(Some(*held)),
            TokenLookup::Unreadable(error) => Err(error),
        }
    }

    /// The same, but a row that cannot be read does not fail the lookup of other tokens.
    pub(crate) fn look_up(sql: &dyn Sql, digest: Digest) -> Result<TokenLookup, SqlError> {
        let one = |clauses: &str, value: Value| -> Result<TokenLookup, SqlError> {
            let row = sql.exec(&Self::query(clauses), &[value])?.pop();
            Ok(match row.map(|mut row| row.take()) {
                None => TokenLookup::Nothing,
                Some(Ok(held)) => TokenLookup::One(Box::new(held)),
                Some(Err(error)) => TokenLookup::Unreadable(error),
            })
        };
        match one("WHERE tokens.digest = ?", digest.into())? {
            TokenLookup::Nothing => {}
            found => return Ok(found),
        }
        let Some(text) = ReplacedText::by_digest(sql, digest)? else { return Ok(TokenLookup::Nothing) };
        let mut found = one("WHERE tokens.number = ?", text.token.into())?;
        if let TokenLookup::One(held) = &mut found {
            held.replaced = Some(text);
        }
        Ok(found)
    }

    pub(crate) fn by_id(sql: &dyn Sql, id: &str) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(sql, "WHERE tokens.id = ?", &[id.into()])?.pop())
    }

    /// The tokens that these clauses select. Clauses are constants of the program; values are passed as parameters.
    pub(crate) fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.all(&Self::query(clauses), values)
    }

    /// The tokens that these clauses select among those that the query `numbers` yields. They are joined in its order.
    pub(crate) fn select_among(
        sql: &dyn Sql,
        numbers: &str,
        clauses: &str,
        values: &[Value],
    ) -> Result<Vec<Self>, SqlError> {
        let (token, owner) = (TokenRow::COLUMNS, MemberRow::COLUMNS);
        sql.all(&format!("SELECT {token}, {owner} {} {clauses}", among(numbers)), values)
    }

    /// The query for the numbers alone.
    pub(crate) fn numbers_among(numbers: &str, clauses: &str) -> String {
        format!("SELECT tokens.number AS number {} {clauses}", among(numbers))
    }

    /// The number of tokens that these clauses select among those that the query `numbers` yields.
    pub(crate) fn count_among(sql: &dyn Sql, numbers: &str, clauses: &str, values: &[Value]) -> Result<u64, SqlError> {
        sql.scalar(&format!("SELECT count(*) {} {clauses}", among(numbers)), values)
    }

    fn query(clauses: &str) -> String {
        let (token, owner) = (TokenRow::COLUMNS, MemberRow::COLUMNS);
        format!("SELECT {token}, {owner} FROM tokens JOIN members ON members.number = tokens.owner {clauses}")
    }

    /// The digest of the token value by which the token was found.
    pub(crate) fn presented(&self) -> Digest {
        self.replaced.as_ref().map_or(self.token.digest, |text| text.digest)
    }

    /// If the token was found by a replaced token value: when that value expires.
    pub(crate) fn replaced_until(&self) -> Option<Timestamp> {
        self.replaced.as_ref().map(|text| text.valid_until)
    }

    /// The token's effective scopes.
    pub(crate) fn effective_scopes(&self) -> ScopeSet {
        self.token.scopes.intersection(&self.owner.grants)
    }

    /// The record for verifiers of the token value by which the token was found.
    pub(crate) fn record(&self, now: Timestamp) -> TokenRecord {
        self.replaced.as_ref().map_or_else(|| self.token.record(), |text| text.record(&self.token, now))
    }

    /// Decides on the token exactly as a verifier does.
    pub(crate) fn decide(&self, workspace: &WorkspaceRecord, demand: &Demand, now: Timestamp) -> Code {
        let (token, owner) = (&self.record(now), &self.owner.record());
        decide(Facts { token, owner, workspace }, demand, now)
    }

    pub(crate) fn state(&self, now: Timestamp) -> State {
        let Self { token, owner, .. } = self;
        if token.revoked_at.is_some() || token.issued < owner.revoked_before {
            State::Revoked
        } else if !token.enabled {
            State::Disabled
        } else if token.expires_at.is_some_and(|end| now >= end) {
            State::Expired
        } else if token.not_before.is_some_and(|start| now < start) {
            State::Pending
        } else {
            State::Active
        }
    }

    /// The view of the token for its owner and for admins.
    pub(crate) fn view(&self, now: Timestamp) -> Result<TokenView, CommandError> {
        let token = self.token.clone();
        let no_json = || CommandError::internal(format!("the metadata of {} is not JSON", token.id));
        let metadata =
            token.metadata.as_deref().map(|text| json::read(text.as_bytes()).ok_or_else(no_json)).transpose()?;
        Ok(TokenView {
            number: token.number,
            digest: token.digest,
            hint: token.hint,
            name: token.name,
            note: token.note,
            owner: self.owner.as_owner(),
            effective_scopes: self.effective_scopes(),
            scopes: token.scopes,
            state: self.state(now),
            enabled: token.enabled,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            not_before: token.not_before,
            allowed_addresses: token.addresses,
            client_id: token.client_id,
            metadata,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
            version: token.version,
            daily_uses: None,
            id: token.id,
        })
    }
}

/// SQLite evaluates a `CROSS JOIN` from left to right.
fn among(numbers: &str) -> String {
    format!(
        "FROM ({numbers}) AS source CROSS JOIN tokens ON tokens.number = source.number
         CROSS JOIN members ON members.number = tokens.owner"
    )
}
