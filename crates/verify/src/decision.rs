//! The only place where a token is found valid.

use core::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    demand::Demand,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    scope::ScopeSet,
    time::Timestamp,
};

/// The result of a decision. The reasons are in the order in which they are checked: the first that applies is
/// returned.
///
/// The numbers are part of the wasm module's contract. 0 is unused, so that an unset value never reads as a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Code {
    /// The token is valid and meets the requirement.
    Valid = 1,
    /// Not a token value: wrong format or wrong checksum.
    Malformed = 2,
    /// Never issued, or not for a workspace that the requirement names.
    Unknown = 3,
    /// Its workspace is suspended.
    WorkspaceSuspended = 4,
    /// Revoked, or replaced by a rotation whose grace period has ended.
    Revoked = 5,
    /// Its owner is suspended.
    OwnerSuspended = 6,
    /// Disabled.
    Disabled = 7,
    /// Expired.
    Expired = 8,
    /// Before its `not_before` time.
    NotYetValid = 9,
    /// Bound to other addresses, or the client's address is not known.
    AddressNotAllowed = 10,
    /// Valid, but it lacks a required scope.
    InsufficientScope = 11,
    /// A rate limit was exceeded; retry later.
    RateLimited = 12,
    /// The demanded freshness is not available now. Treat it as a denial.
    Unavailable = 13,
}

impl Code {
    /// All codes, by their numbers, which are consecutive from 1 on.
    pub const ALL: [Self; 13] = [
        Self::Valid,
        Self::Malformed,
        Self::Unknown,
        Self::WorkspaceSuspended,
        Self::Revoked,
        Self::OwnerSuspended,
        Self::Disabled,
        Self::Expired,
        Self::NotYetValid,
        Self::AddressNotAllowed,
        Self::InsufficientScope,
        Self::RateLimited,
        Self::Unavailable,
    ];

    /// The code in the APIs: `VALID`, `INSUFFICIENT_SCOPE`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Malformed => "MALFORMED",
            Self::Unknown => "UNKNOWN",
            Self::WorkspaceSuspended => "WORKSPACE_SUSPENDED",
            Self::Revoked => "REVOKED",
            Self::OwnerSuspended => "OWNER_SUSPENDED",
            Self::Disabled => "DISABLED",
            Self::Expired => "EXPIRED",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::AddressNotAllowed => "ADDRESS_NOT_ALLOWED",
            Self::InsufficientScope => "INSUFFICIENT_SCOPE",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The records of one token value. Only a token value that was issued has them.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The token's record.
    pub token: &'a TokenRecord,
    /// Its owner's record.
    pub owner: &'a OwnerRecord,
    /// Its workspace's record.
    pub workspace: &'a WorkspaceRecord,
}

impl Facts<'_> {
    /// The token's own scopes, as far as its owner's granted scopes cover them.
    #[must_use]
    pub fn effective_scopes(&self) -> crate::ScopeSet {
        self.token.scopes.intersection(&self.owner.grants)
    }
}

/// What a decision reads of a token's record, however it is stored.
pub(crate) trait TokenFacts {
    fn owner(&self) -> u64;
    fn scopes(&self) -> &ScopeSet;
    fn is_revoked(&self) -> bool;
    fn is_enabled(&self) -> bool;
    fn issued(&self) -> u64;
    fn expires_at(&self) -> Option<Timestamp>;
    fn not_before(&self) -> Option<Timestamp>;
    fn replaced_until(&self) -> Option<Timestamp>;
    /// Whether it may be used from this address; `None` if the address is not known.
    fn allows(&self, address: Option<IpAddr>) -> bool;
}

impl TokenFacts for TokenRecord {
    fn owner(&self) -> u64 {
        self.owner
    }

    fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    fn is_revoked(&self) -> bool {
        self.revoked
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn issued(&self) -> u64 {
        self.issued
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    fn replaced_until(&self) -> Option<Timestamp> {
        self.replaced_until
    }

    fn allows(&self, address: Option<IpAddr>) -> bool {
        let contains = |address| self.addresses.iter().any(|block| block.contains(address));
        self.addresses.is_empty() || address.is_some_and(contains)
    }
}

/// Decides on a token that was issued. Allocates nothing.
#[must_use]
pub fn decide(facts: Facts<'_>, demand: &Demand, now: Timestamp) -> Code {
    decide_on(facts.token, facts.owner, facts.workspace, demand, now)
}

/// The same, on a record that is stored in any form.
#[inline]
pub(crate) fn decide_on(
    token: &impl TokenFacts,
    owner: &OwnerRecord,
    workspace: &WorkspaceRecord,
    demand: &Demand,
    now: Timestamp,
) -> Code {
    // A record of one workspace or owner never applies to a token of another, even if a caller confuses them.
    if !demand.workspaces().contains(&workspace.key) || token.owner() != owner.number {
        return Code::Unknown;
    }
    let granted = |scope| token.scopes().covers(scope) && owner.grants.covers(scope);
    let issued_before = |generation| generation > 0 && token.issued() < generation;
    let replaced = token.replaced_until().is_some_and(|end| now >= end);
    if workspace.suspended {
        Code::WorkspaceSuspended
    } else if token.is_revoked() || issued_before(owner.revoked_before) || replaced {
        Code::Revoked
    } else if owner.suspended {
        Code::OwnerSuspended
    } else if !token.is_enabled() {
        Code::Disabled
    } else if token.expires_at().is_some_and(|end| now >= end) {
        Code::Expired
    } else if token.not_before().is_some_and(|start| now < start) {
        Code::NotYetValid
    } else if !token.allows(demand.address) {
        Code::AddressNotAllowed
    } else if demand.all_of.iter().all(granted) && (demand.any_of.is_empty() || demand.any_of.iter().any(granted)) {
        Code::Valid
    } else {
        Code::InsufficientScope
    }
}
