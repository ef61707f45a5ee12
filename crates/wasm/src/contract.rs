//! What the module and the JavaScript around it agree on: numbers, letters, names. `cargo xtask docs` writes them into
//! `js/contract.js`, so that each is declared here alone.

use counterfoil_token::Foreign;

/// Room for a text in the input buffer: one byte more than the longest that can be a token, so that a longer one is
/// still seen to be too long.
pub const TEXT_ROOM: usize = *Foreign::LENGTH.end() + 1;

/// Room for a client's address behind it. The longest, an IPv4 address mapped into IPv6, has 45 characters.
pub const ADDRESS_ROOM: usize = 63;

/// The bit of an answer that says that a lease is to be renewed. Those below it are the code.
pub const RENEWAL: u32 = 0x80;

/// The length of a value that is not there, among [values fetched](crate::Verifier::supply).
pub const ABSENT: u32 = u32::MAX;

/// What a line of a [demand](crate::Verifier::demand) says, by its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DemandLine {
    /// The key of a workspace whose tokens count.
    Workspace = b'w',
    /// A scope that must be granted.
    AllOf = b'a',
    /// A scope of which one must be granted.
    AnyOf = b'o',
    /// How stale the answer may be.
    Freshness = b'f',
    /// An eventual answer will do where the ledger does not answer.
    OrEventual = b'e',
    /// It need not be told in full who the token is.
    Brief = b'b',
}

impl DemandLine {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Workspace, Self::AllOf, Self::AnyOf, Self::Freshness, Self::OrEventual, Self::Brief];

    /// What a line says that begins so.
    #[must_use]
    pub fn of(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|line| *line as u8 == letter)
    }

    /// What JavaScript calls it: the field of a demand that it is made of.
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

/// Why a demand was refused, by the number that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum DemandFault {
    /// It names no workspace.
    NoWorkspace = -1,
    /// Not a workspace's key.
    InvalidWorkspace = -2,
    /// Not a scope.
    InvalidScope = -3,
    /// Not a freshness.
    InvalidFreshness = -4,
    /// There are too many different ones.
    TooManyDemands = -5,
    /// Not of the lines that a demand is written in: the JavaScript side's mistake.
    Illegible = -6,
}

impl DemandFault {
    /// All there are, by their numbers.
    pub const ALL: [Self; 6] = [
        Self::NoWorkspace,
        Self::InvalidWorkspace,
        Self::InvalidScope,
        Self::InvalidFreshness,
        Self::TooManyDemands,
        Self::Illegible,
    ];

    /// The code that JavaScript tells.
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

/// Why a snapshot was not taken, by the number that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum SnapshotFault {
    /// In a format that this version does not know.
    UnknownFormat = -1,
    /// Not exactly a snapshot.
    Malformed = -2,
    /// Expired, or it is not known what time it is.
    Expired = -3,
}

impl SnapshotFault {
    /// All there are, by their numbers.
    pub const ALL: [Self; 3] = [Self::UnknownFormat, Self::Malformed, Self::Expired];

    /// The code that JavaScript tells.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFormat => "UNKNOWN_FORMAT",
            Self::Malformed => "MALFORMED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// What a check waits for, by the `kind` of its [need](crate::Verifier::need).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedKind {
    /// Records, from the ledger.
    Ledger,
    /// A lease, from the ledger.
    Lease,
    /// Values, from the registry.
    Registry,
    /// What others ask already.
    Wait,
}

impl NeedKind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Ledger, Self::Lease, Self::Registry, Self::Wait];

    /// The kind as it is written.
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

    /// Lists in JavaScript are in the order of these numbers, from 1 on.
    #[test]
    fn faults_are_numbered_densely() {
        let numbers = |count: usize| (1..).map(|number: i32| -number).take(count).collect::<alloc::vec::Vec<_>>();
        assert_eq!(DemandFault::ALL.map(|fault| fault as i32).to_vec(), numbers(DemandFault::ALL.len()));
        assert_eq!(SnapshotFault::ALL.map(|fault| fault as i32).to_vec(), numbers(SnapshotFault::ALL.len()));
    }
}
