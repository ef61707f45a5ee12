//! Tokens, each with its current token value.

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
    /// Whether the token is bound to `client_id`. If not, `client_id` is only a label.
    pub(crate) pinned: bool,
    pub(crate) addresses: Vec<AddressBlock>,
    /// JSON text.
    pub(crate) metadata: Option<String>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) issued: u64,
    pub(crate) version: u64,
    /// Which editions include the token value.
    pub(crate) weak: Inclusion,
}

/// Which editions include a token value: the column `weak`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inclusion {
    /// All of them.
    All,
    /// Only those for leases: the token value is so short that it can be guessed from its digest.
    LeasesOnly,
    /// None: too many other digests have the same prefix.
    Excluded,
}

impl Inclusion {
    /// The value in the column.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::All => 0,
            Self::LeasesOnly => 1,
            Self::Excluded => 2,
        }
    }
}

impl ToValue for Inclusion {
    fn to_value(&self) -> Value {
        self.number().into()
    }
}

impl FromValue for Inclusion {
    fn from_value(value: Value) -> Result<Self, Value> {
        match u64::from_value(value)? {
            0 => Ok(Self::All),
            1 => Ok(Self::LeasesOnly),
            2 => Ok(Self::Excluded),
            other => Err(other.into()),
        }
    }
}

table!(TokenRow: "tokens" {
    number, id, digest, seal_epoch, hint, owner, name, note, scopes, enabled, not_before, expires_at, revoked_at,
    revoke_reason, created_at, created_by, client_id, pinned, addresses, metadata, last_used_at, issued, version, weak,
});

impl TokenRow {
    /// Writes the fields that an update of the token can change.
    pub(crate) fn save_change(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self {
            name, note, scopes, enabled, not_before, expires_at, addresses, metadata, version,
        } "number = ?", self.number)
    }

    /// Writes the revocation.
    pub(crate) fn save_revocation(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self { revoked_at, revoke_reason, version } "number = ?", self.number)
    }

    /// Writes the token's current value.
    pub(crate) fn save_value(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens": self { digest, hint, seal_epoch, weak, issued, version } "number = ?", self.number)
    }

    /// Writes only the token's version.
    pub(crate) fn save_version(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "tokens" { version: self.version } "number = ?", self.number)
    }

    /// The record for verifiers of the token's current value.
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

/// The number of live tokens of a member: neither revoked nor expired. Disabled tokens and tokens that are not valid
/// yet count, because they can become valid without being counted again.
pub(crate) fn live_of(sql: &dyn Sql, owner: u64, now: Timestamp) -> Result<u64, SqlError> {
    let count = "SELECT count(*) FROM tokens
        WHERE owner = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";
    sql.scalar(count, &[owner.into(), now.into()])
}
