//! Random steps of a ledger and of the verifiers that are [compared](super::in_step) with it.

use proptest::{prelude::*, sample::Index};

pub(super) const MEMBERS: [&str; 3] = ["ann", "ben", "cat"];
const PATTERNS: [&str; 5] = ["*", "orders:*", "orders:read", "read", "write"];
/// The number of third-party token values.
pub(super) const FOREIGN: u8 = 6;

#[derive(Clone, Debug)]
pub(super) enum Act {
    Create {
        member: usize,
        scopes: Vec<&'static str>,
        seconds: Option<u64>,
        delay: Option<u64>,
        enabled: bool,
        bound: bool,
    },
    Import {
        text: u8,
        member: usize,
        scopes: Vec<&'static str>,
    },
    Enable {
        token: Index,
        enabled: bool,
    },
    Expire {
        token: Index,
        seconds: Option<u64>,
    },
    Delay {
        token: Index,
        seconds: Option<u64>,
    },
    Bind {
        token: Index,
        bound: bool,
    },
    Rename {
        token: Index,
    },
    Replace {
        token: Index,
        scopes: Vec<&'static str>,
    },
    Rotate {
        token: Index,
        grace: u64,
    },
    Revoke {
        token: Index,
    },
    RevokeSome {
        tokens: Vec<Index>,
    },
    RevokeOf {
        member: usize,
    },
    AddMember {
        member: usize,
    },
    Suspend {
        member: usize,
        suspended: bool,
    },
    Grant {
        member: usize,
        grants: Vec<&'static str>,
    },
    RevokeAll {
        member: usize,
    },
    Erase {
        member: usize,
    },
    /// The catalogue, and whether the scope for writing requires `strong`.
    PutScopes {
        strong: bool,
    },
    SuspendWorkspace {
        suspended: bool,
    },
    LeaseMax {
        seconds: u64,
    },
    /// In milliseconds.
    Wait(u64),
    /// Backs up the present state.
    Backup,
    /// Restores the ledger from the backup.
    Restore,
}

/// A step of one verifier.
#[derive(Clone, Debug)]
pub(super) enum Look {
    Nothing,
    /// Renews its lease.
    Renew,
    /// Verifies a token value, renewing the lease if needed.
    Check(Index),
    /// Requests a lease, in the background or for a token value; the request stays under way.
    Ask(Option<Index>),
    /// One of its requests reaches the ledger.
    Arrive(Index),
    /// The reply to one of its requests arrives.
    Return(Index),
}

pub(super) fn step() -> impl Strategy<Value = (Act, Index, Look)> {
    let look = prop_oneof![
        2 => Just(Look::Nothing),
        5 => Just(Look::Renew),
        2 => any::<Index>().prop_map(Look::Check),
        2 => prop::option::of(any::<Index>()).prop_map(Look::Ask),
        2 => any::<Index>().prop_map(Look::Arrive),
        2 => any::<Index>().prop_map(Look::Return),
    ];
    (prop_oneof![6 => token_act(), 4 => other_act()], any::<Index>(), look)
}

fn scopes() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(&PATTERNS[..]), 1..3)
}

fn token_act() -> impl Strategy<Value = Act> {
    let token = any::<Index>;
    let seconds = || prop::option::of(1..40_u64);
    let soon = || prop::option::weighted(0.2, 1..20_u64);
    let member = || 0..MEMBERS.len();
    let create = (member(), scopes(), seconds(), soon(), prop::bool::weighted(0.9), prop::bool::weighted(0.1));
    prop_oneof![
        6 => create.prop_map(|(member, scopes, seconds, delay, enabled, bound)| {
            Act::Create { member, scopes, seconds, delay, enabled, bound }
        }),
        1 => (0..FOREIGN, member(), scopes()).prop_map(|(text, member, scopes)| Act::Import { text, member, scopes }),
        2 => (token(), any::<bool>()).prop_map(|(token, enabled)| Act::Enable { token, enabled }),
        2 => (token(), seconds()).prop_map(|(token, seconds)| Act::Expire { token, seconds }),
        1 => (token(), soon()).prop_map(|(token, seconds)| Act::Delay { token, seconds }),
        1 => (token(), any::<bool>()).prop_map(|(token, bound)| Act::Bind { token, bound }),
        1 => token().prop_map(|token| Act::Rename { token }),
        2 => (token(), scopes()).prop_map(|(token, scopes)| Act::Replace { token, scopes }),
        5 => (token(), prop_oneof![Just(0), 1..30_u64]).prop_map(|(token, grace)| Act::Rotate { token, grace }),
        2 => token().prop_map(|token| Act::Revoke { token }),
        1 => prop::collection::vec(token(), 1..4).prop_map(|tokens| Act::RevokeSome { tokens }),
        1 => member().prop_map(|member| Act::RevokeOf { member }),
    ]
}

fn other_act() -> impl Strategy<Value = Act> {
    let member = || 0..MEMBERS.len();
    prop_oneof![
        2 => member().prop_map(|member| Act::AddMember { member }),
        3 => (member(), prop::bool::weighted(0.3))
            .prop_map(|(member, suspended)| Act::Suspend { member, suspended }),
        3 => (member(), scopes()).prop_map(|(member, grants)| Act::Grant { member, grants }),
        2 => member().prop_map(|member| Act::RevokeAll { member }),
        1 => member().prop_map(|member| Act::Erase { member }),
        1 => any::<bool>().prop_map(|strong| Act::PutScopes { strong }),
        2 => prop::bool::weighted(0.2).prop_map(|suspended| Act::SuspendWorkspace { suspended }),
        1 => prop::sample::select(&[2, 3, 10, 60][..]).prop_map(|seconds| Act::LeaseMax { seconds }),
        4 => (0..3_000_u64).prop_map(Act::Wait),
        2 => (0..30_000_u64).prop_map(Act::Wait),
        1 => Just(Act::Wait(120_000)),
        1 => Just(Act::Backup),
        1 => Just(Act::Restore),
    ]
}
