//! A token as the ledger keeps it, and what others are shown of it.

use counterfoil_protocol::{
    command::{State, TokenView},
    json,
    refusal::Refusal,
};
use counterfoil_token::{Digest, SealEpoch};
use counterfoil_verify::{
    AddressBlock, Code, Demand, Facts, ScopeSet, Timestamp, TokenRecord, WorkspaceRecord, decide,
};

use super::text::{Carried, ReplacedText};
use crate::{
    members::{self, MemberRow},
    sql::{Row, Sql, SqlError, Value},
};

/// A token's row.
#[derive(Clone)]
pub(crate) struct TokenRow {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) digest: Digest,
    pub(crate) seal_epoch: Option<SealEpoch>,
    pub(crate) hint: String,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) enabled: bool,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) revoke_reason: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) client_id: Option<String>,
    /// Whether `client_id` pins the token, or only labels it.
    pub(crate) pinned: bool,
    pub(crate) addresses: Vec<AddressBlock>,
    /// As its JSON text.
    pub(crate) metadata: Option<String>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) issued: u64,
    pub(crate) version: u64,
    /// Which editions carry the text.
    pub(crate) carried: Carried,
}

/// The columns that [`TokenRow::read`] takes, in its order.
const COLUMNS: &str = "tokens.number, tokens.id, tokens.digest, tokens.seal_epoch, tokens.hint, tokens.owner, \
    tokens.name, tokens.note, tokens.scopes, tokens.enabled, tokens.not_before, tokens.expires_at, tokens.revoked_at, \
    tokens.revoke_reason, tokens.created_at, tokens.created_by, tokens.client_id, tokens.pinned, tokens.addresses, \
    tokens.metadata, tokens.last_used_at, tokens.issued, tokens.version, tokens.weak";

impl TokenRow {
    /// Takes [`COLUMNS`] from a row.
    fn read(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self {
            number: row.take()?,
            id: row.take()?,
            digest: row.take()?,
            seal_epoch: row.take()?,
            hint: row.take()?,
            owner: row.take()?,
            name: row.take()?,
            note: row.take()?,
            scopes: row.take_json()?,
            enabled: row.take()?,
            not_before: row.take()?,
            expires_at: row.take()?,
            revoked_at: row.take()?,
            revoke_reason: row.take()?,
            created_at: row.take()?,
            created_by: row.take()?,
            client_id: row.take()?,
            pinned: row.take()?,
            addresses: row.take_json()?,
            metadata: row.take()?,
            last_used_at: row.take()?,
            issued: row.take()?,
            version: row.take()?,
            carried: row.take()?,
        })
    }

    pub(crate) fn insert(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        sql.exec(
            "INSERT INTO tokens (number, id, digest, seal_epoch, hint, owner, name, note, scopes, enabled, not_before,
             expires_at, revoked_at, revoke_reason, created_at, created_by, client_id, pinned, addresses, metadata,
             last_used_at, issued, version, weak)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                self.number.into(),
                (&self.id).into(),
                self.digest.into(),
                self.seal_epoch.as_ref().into(),
                (&self.hint).into(),
                self.owner.into(),
                (&self.name).into(),
                self.note.as_ref().into(),
                Value::json(&self.scopes)?,
                self.enabled.into(),
                self.not_before.into(),
                self.expires_at.into(),
                self.revoked_at.into(),
                self.revoke_reason.as_ref().into(),
                self.created_at.into(),
                (&self.created_by).into(),
                self.client_id.as_ref().into(),
                self.pinned.into(),
                Value::json(&self.addresses)?,
                self.metadata.as_ref().into(),
                self.last_used_at.into(),
                self.issued.into(),
                self.version.into(),
                self.carried.into(),
            ],
        )?;
        Ok(())
    }

    /// What verifiers know of the text that the token has.
    pub(crate) fn record(&self) -> TokenRecord {
        TokenRecord {
            version: self.version,
            id: self.id.as_str().into(),
            number: self.number,
            owner: self.owner,
            name: self.name.as_str().into(),
            client_id: self.client_id.as_deref().map(Into::into),
            metadata: self.metadata.as_deref().map(Into::into),
            scopes: self.scopes.clone(),
            issued: self.issued,
            revoked: self.revoked_at.is_some(),
            enabled: self.enabled,
            not_before: self.not_before,
            expires_at: self.expires_at,
            replaced_until: None,
            addresses: self.addresses.clone(),
            rate_class: None,
        }
    }
}

/// A token with the member it belongs to: neither says alone what the token may do.
#[derive(Clone)]
pub(crate) struct OwnedToken {
    pub(crate) token: TokenRow,
    pub(crate) owner: MemberRow,
    /// The text by which the token was found, where that is one it no longer has.
    pub(super) replaced: Option<ReplacedText>,
}

impl OwnedToken {
    /// The token whose text has this digest, or once had it.
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest) -> Result<Option<Self>, SqlError> {
        Self::look_up(sql, digest)?
    }

    /// The same. The inner error says that its row cannot be read, which is no matter of any other token's.
    pub(crate) fn look_up(sql: &dyn Sql, digest: Digest) -> Result<Result<Option<Self>, SqlError>, SqlError> {
        let one = |clauses: &str, value: Value| -> Result<Result<Option<Self>, SqlError>, SqlError> {
            Ok(sql.exec(&Self::query(clauses), &[value])?.pop().map(Self::read).transpose())
        };
        match one("WHERE tokens.digest = ?", digest.into())? {
            Ok(None) => {}
            found => return Ok(found),
        }
        let Some(text) = ReplacedText::by_digest(sql, digest)? else { return Ok(Ok(None)) };
        let held = one("WHERE tokens.number = ?", text.token.into())?;
        Ok(held.map(|held| held.map(|held| Self { replaced: Some(text), ..held })))
    }

    pub(crate) fn by_id(sql: &dyn Sql, id: &str) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(sql, "WHERE tokens.id = ?", &[id.into()])?.pop())
    }

    /// The tokens that these clauses select, which are part of the program: values come in as parameters.
    pub(crate) fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.exec(&Self::query(clauses), values)?.into_iter().map(Self::read).collect()
    }

    fn query(clauses: &str) -> String {
        let members = members::COLUMNS;
        format!("SELECT {COLUMNS}, {members} FROM tokens JOIN members ON members.number = tokens.owner {clauses}")
    }

    fn read(mut row: Row) -> Result<Self, SqlError> {
        Ok(Self { token: TokenRow::read(&mut row)?, owner: MemberRow::read(&mut row)?, replaced: None })
    }

    /// How many tokens these clauses select, likewise.
    pub(super) fn count(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<u64, SqlError> {
        let query = format!("SELECT count(*) FROM tokens JOIN members ON members.number = tokens.owner {clauses}");
        sql.exec(&query, values)?.pop().map_or(Ok(0), |mut row| row.take())
    }

    /// The digest of the text by which the token was found.
    pub(crate) fn presented(&self) -> Digest {
        self.replaced.as_ref().map_or(self.token.digest, |text| text.digest)
    }

    /// Where the text by which the token was found is one that rotation replaced: when that ends.
    pub(crate) fn replaced_until(&self) -> Option<Timestamp> {
        self.replaced.as_ref().map(|text| text.valid_until)
    }

    /// What the token may do.
    pub(crate) fn effective_scopes(&self) -> ScopeSet {
        self.token.scopes.intersection(&self.owner.grants)
    }

    /// What verifiers know of the text by which the token was found.
    pub(crate) fn record(&self, now: Timestamp) -> TokenRecord {
        self.replaced.as_ref().map_or_else(|| self.token.record(), |text| text.record(&self.token, now))
    }

    /// Judges the token as a verifier does.
    pub(crate) fn judge(&self, workspace: &WorkspaceRecord, demand: &Demand, now: Timestamp) -> Code {
        let (token, owner) = (&self.record(now), &self.owner.record());
        decide(Facts { token, owner, workspace }, demand, now)
    }

    pub(super) fn state(&self, now: Timestamp) -> State {
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

    /// What owners and admins are shown.
    pub(crate) fn view(&self, now: Timestamp) -> Result<TokenView, Refusal> {
        let token = self.token.clone();
        let no_json = || Refusal::internal(format!("the metadata of {} is no JSON", token.id));
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

/// How many live tokens a member has: neither revoked nor expired. One that is switched off or whose time has not come
/// counts, since it may come alive without being counted again.
pub(crate) fn live_of(sql: &dyn Sql, owner: u64, now: Timestamp) -> Result<u64, SqlError> {
    let count = "SELECT count(*) FROM tokens
        WHERE owner = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";
    sql.exec(count, &[owner.into(), now.into()])?.pop().map_or(Ok(0), |mut row| row.take())
}
