//! Tokens, each with the text that it has.

use counterfoil_token::{Digest, SealEpoch};
use counterfoil_verify::{AddressBlock, ScopeSet, Timestamp, TokenRecord};

use crate::{
    columns::{table, update},
    sql::{FromValue, Sql, SqlError, ToValue, Value},
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
    pub(crate) weak: Carried,
}

/// Which editions carry a text: the column `weak`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// All of them.
    Everywhere,
    /// Those for leases alone: the text may be guessed from its digest.
    InTheHouse,
    /// None: too many digests begin as this one does.
    NoPorts,
}

impl Carried {
    /// As it lies in the column.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Everywhere => 0,
            Self::InTheHouse => 1,
            Self::NoPorts => 2,
        }
    }
}

impl ToValue for Carried {
    fn to_value(&self) -> Value {
        self.number().into()
    }
}

impl FromValue for Carried {
    fn from_value(value: Value) -> Result<Self, Value> {
        match u64::from_value(value)? {
            0 => Ok(Self::Everywhere),
            1 => Ok(Self::InTheHouse),
            2 => Ok(Self::NoPorts),
            other => Err(other.into()),
        }
    }
}

table!(TokenRow: "tokens" {
    number, id, digest, seal_epoch, hint, owner, name, note, scopes, enabled, not_before, expires_at, revoked_at,
    revoke_reason, created_at, created_by, client_id, pinned, addresses, metadata, last_used_at, issued, version, weak,
});

impl TokenRow {
    /// Writes what a change of the token may change.
    pub(crate) fn save_change(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self {
            name, note, scopes, enabled, not_before, expires_at, addresses, metadata, version,
        } "number = ?", self.number)
    }

    /// Writes that the token is revoked.
    pub(crate) fn save_end(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self { revoked_at, revoke_reason, version } "number = ?", self.number)
    }

    /// Writes the text that the token has now.
    pub(crate) fn save_text(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self { digest, hint, seal_epoch, weak, issued, version } "number = ?", self.number)
    }

    /// Writes the token's version alone.
    pub(crate) fn save_version(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens" { version: self.version } "number = ?", self.number)
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

/// How many live tokens a member has: neither revoked nor expired. One that is switched off or whose time has not come
/// counts, since it may come alive without being counted again.
pub(crate) fn live_of(sql: &dyn Sql, owner: u64, now: Timestamp) -> Result<u64, SqlError> {
    let count = "SELECT count(*) FROM tokens
        WHERE owner = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";
    sql.scalar(count, &[owner.into(), now.into()])
}
