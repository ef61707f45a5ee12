//! Constants shared by the module and its JavaScript: numbers, letters, names. `cargo xtask docs` writes them into
//! `js/contract.js`, so each is declared only here.

use counterfoil_token::Foreign;

/// Size of the input buffer for a token: one byte more than the longest that is valid, so that a longer one is
/// detected.
pub const TEXT_ROOM: usize = *Foreign::LENGTH.end() + 1;

/// Size of the buffer for a client's address, which follows. The longest, an IPv4-mapped IPv6 address, has 45
/// characters.
pub const ADDRESS_ROOM: usize = 63;

/// How many token values are verified in one call.
pub const BATCH: usize = 64;

/// The bit of an answer that says that a lease is to be renewed. The bits below it are the code.
pub const RENEWAL: u32 = 0x80;

/// The length that marks an absent value, among [fetched values](crate::Verifier::supply).
pub const ABSENT: u32 = u32::MAX;

/// The first character of a line of a [requirement](crate::Verifier::demand), which says what the line contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DemandLine {
    /// The key of an accepted workspace.
    Workspace = b'w',
    /// A scope of those that are all required.
    AllOf = b'a',
    /// A scope of those of which one is required.
    AnyOf = b'o',
    /// The freshness level.
    Freshness = b'f',
    /// An eventual decision is accepted if the ledger does not answer.
    OrEventual = b'e',
    /// The token's full record is not needed.
    Brief = b'b',
}

impl DemandLine {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Workspace, Self::AllOf, Self::AnyOf, Self::Freshness, Self::OrEventual, Self::Brief];

    /// The kind of a line by its first character.
    #[must_use]
    pub fn of(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|line| *line as u8 == letter)
    }

    /// The field of a `Demand` in JavaScript.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workspace => "workspaces",
            Self::AllOf => "allOf",
            Self::AnyOf => "anyOf",
            Self::Freshness => "freshness",
            Self::OrEventual => "orEventual",
            Self::Brief => "brief",
        }
    }
}

/// Why a requirement was rejected, by the number that is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum DemandFault {
    /// It names no workspace.
    NoWorkspace = -1,
    /// Not a workspace key.
    InvalidWorkspace = -2,
    /// Not a scope.
    InvalidScope = -3,
    /// Not a freshness level.
    InvalidFreshness = -4,
    /// Too many different requirements were compiled.
    TooManyDemands = -5,
    /// Not in the line format: a bug in the JavaScript code.
    Illegible = -6,
}

impl DemandFault {
    /// All of them, by their numbers.
    pub const ALL: [Self; 6] = [
        Self::NoWorkspace,
        Self::InvalidWorkspace,
        Self::InvalidScope,
        Self::InvalidFreshness,
        Self::TooManyDemands,
        Self::Illegible,
    ];

    /// The code in JavaScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoWorkspace => "NO_WORKSPACE",
            Self::InvalidWorkspace => "INVALID_WORKSPACE",
            Self::InvalidScope => "INVALID_SCOPE",
            Self::InvalidFreshness => "INVALID_FRESHNESS",
            Self::TooManyDemands => "TOO_MANY_DEMANDS",
            Self::Illegible => "INVALID",
        }
    }
}

/// Why a snapshot was rejected, by the number that is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum SnapshotFault {
    /// The format is of a version that is not supported.
    UnknownFormat = -1,
    /// Not exactly a snapshot.
    Malformed = -2,
    /// Expired, or the time is not known.
    Expired = -3,
}

impl SnapshotFault {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::UnknownFormat, Self::Malformed, Self::Expired];

    /// The code in JavaScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFormat => "UNKNOWN_FORMAT",
            Self::Malformed => "MALFORMED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// What a check needs, by the `kind` of its [need](crate::Verifier::need).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedKind {
    /// Records from the ledger.
    Ledger,
    /// A lease from the ledger.
    Lease,
    /// Values from the registry.
    Registry,
    /// The response to another check's query.
    Wait,
}

impl NeedKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ledger, Self::Lease, Self::Registry, Self::Wait];

    /// The kind in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Lease => "lease",
            Self::Registry => "registry",
            Self::Wait => "wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists in JavaScript are in the order of these numbers, from 1 on.
    #[test]
    fn faults_are_numbered_consecutively() {
        let numbers = |count: usize| (1..).map(|number: i32| -number).take(count).collect::<alloc::vec::Vec<_>>();
        assert_eq!(DemandFault::ALL.map(|fault| fault as i32).to_vec(), numbers(DemandFault::ALL.len()));
        assert_eq!(SnapshotFault::ALL.map(|fault| fault as i32).to_vec(), numbers(SnapshotFault::ALL.len()));
    }
}
