//! Random steps in the history of a workspace's tokens, for the [model](super).

use counterfoil_ledger::native::When;
use proptest::{prelude::*, sample::Index};

pub(super) const MEMBERS: [&str; 4] = ["admin", "ann", "ben", "cat"];
pub(super) const CLIENTS: [&str; 2] = ["app", "web"];
/// The CIDR ranges of tokens. All commands come from an address in the second and third.
pub(super) const ADDRESSES: [&[&str]; 4] = [&[], &["192.0.2.0/24"], &["192.0.2.1"], &["198.51.100.0/24"]];
/// Scope patterns that tokens and members have or request.
const PATTERNS: [&str; 10] = [
    "*",
    "tokens:*",
    "tokens:read",
    "tokens:write",
    "tokens:grant",
    "workspace:manage",
    "orders:*",
    "orders:read",
    "read",
    "write",
];

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) by: By,
    /// The command is sent with one of a few idempotency keys.
    pub(super) key: Option<u8>,
    pub(super) fault: Option<Fault>,
    /// Compares the whole database before and after the command, if it is refused.
    pub(super) thorough: bool,
}

#[derive(Clone, Debug)]
pub(super) enum By {
    Root,
    /// A token value that once existed, in any state.
    Text(Index),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The nth statement fails; a commit counts as one.
    Statement(u64, When),
    /// The process ends when the command draws random bytes, within its transaction.
    Crash,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Put {
    Done,
    Failed,
    /// Written, but reported as failed.
    Unknown,
    /// Written, and reported only at the next drain: commands run in between.
    Late,
    /// Written, and then the process ends.
    Unreported,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) owner: Option<usize>,
    pub(super) scopes: Vec<&'static str>,
    pub(super) seconds: Option<u64>,
    pub(super) delay: Option<u64>,
    pub(super) enabled: bool,
    pub(super) client: Option<usize>,
    pub(super) addresses: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Create(Plan),
    /// Third-party token values by number; some occur twice.
    Import(Vec<(u8, Plan)>),
    /// The token in use, and all other fields.
    Update {
        token: Index,
        name: Option<u8>,
        enabled: Option<bool>,
        lifetime: Option<Option<u64>>,
        delay: Option<Option<u64>>,
        addresses: Option<usize>,
        metadata: Option<Option<u8>>,
    },
    Replace {
        token: Index,
        scopes: Vec<&'static str>,
    },
    Merge {
        token: Index,
        scopes: Vec<(&'static str, bool)>,
    },
    Rotate {
        token: Index,
        grace: u64,
        end: bool,
    },
    /// A token value that once existed is reported as leaked.
    RevokeText {
        text: Index,
    },
    Revoke {
        token: Index,
    },
    RevokeSome {
        tokens: Vec<Index>,
        unknown: bool,
    },
    RevokeOf {
        member: usize,
    },
    AddMember {
        member: usize,
        admin: bool,
        grants: Vec<&'static str>,
        quota: Option<u64>,
    },
    Grant {
        member: usize,
        grants: Vec<&'static str>,
    },
    ChangeMember {
        member: usize,
        quota: Option<Option<u64>>,
        suspended: Option<bool>,
        admin: Option<bool>,
        revoke_all: bool,
    },
    Erase {
        member: usize,
    },
    AddClient {
        client: usize,
    },
    RemoveClient {
        client: usize,
    },
    /// The catalogue, and whether one of its scopes is reserved for admins.
    PutScopes {
        reserved: bool,
        more: bool,
    },
    Settings {
        quota: Option<u64>,
        max_lifetime: Option<Option<u64>>,
        retention: Option<Option<u64>>,
    },
    Suspend {
        suspended: bool,
    },
    /// Repeats the last command that had a key.
    Again,
    Wait {
        seconds: u64,
    },
    Drain(Vec<Put>),
    /// Writes all waiting records and compares the registry with the ledger.
    Settle,
    Upkeep,
    /// The process ends between two commands.
    Reopen,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let by = prop_oneof![2 => Just(By::Root), 5 => any::<Index>().prop_map(By::Text)];
    let when = prop_oneof![Just(When::Before), Just(When::After)];
    let fault = prop_oneof![
        5 => (1..24_u64, when).prop_map(|(nth, when)| Fault::Statement(nth, when)),
        1 => Just(Fault::Crash),
    ];
    let fault = prop::option::weighted(0.15, fault);
    (act(), by, prop::option::weighted(0.3, 0..3_u8), fault, prop::bool::weighted(0.1))
        .prop_map(|(act, by, key, fault, thorough)| Step { act, by, key, fault, thorough })
}

fn scopes() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(&PATTERNS[..]), 0..4)
}

fn plan() -> impl Strategy<Value = Plan> {
    let owner = prop::option::of(0..MEMBERS.len());
    let client = prop::option::weighted(0.3, 0..CLIENTS.len());
    (
        owner,
        scopes(),
        prop::option::of(1..40_u64),
        prop::option::weighted(0.1, 0..20_u64),
        prop::bool::weighted(0.9),
        client,
        prop_oneof![3 => Just(0), 2 => 0..ADDRESSES.len()],
    )
        .prop_map(|(owner, scopes, seconds, delay, enabled, client, addresses)| Plan {
            owner,
            scopes,
            seconds,
            delay,
            enabled,
            client,
            addresses,
        })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => token_act(), 3 => workspace_act(), 3 => world_act()]
}

fn token_act() -> impl Strategy<Value = Act> {
    let token = any::<Index>;
    let lifetime = prop::option::of(prop::option::of(1..40_u64));
    let moved = (
        prop::option::weighted(0.3, prop::option::of(0..20_u64)),
        prop::option::weighted(0.3, 0..ADDRESSES.len()),
        prop::option::weighted(0.3, prop::option::of(0..3_u8)),
    );
    let merge = prop::collection::vec((prop::sample::select(&PATTERNS[..]), any::<bool>()), 1..4);
    prop_oneof![
        8 => plan().prop_map(Act::Create),
        2 => prop::collection::vec((0..12_u8, plan()), 1..4).prop_map(Act::Import),
        5 => (token(), prop::option::weighted(0.3, 0..3_u8), prop::option::of(any::<bool>()), lifetime, moved)
            .prop_map(|(token, name, enabled, lifetime, (delay, addresses, metadata))| {
                Act::Update { token, name, enabled, lifetime, delay, addresses, metadata }
            }),
        2 => (token(), scopes()).prop_map(|(token, scopes)| Act::Replace { token, scopes }),
        2 => (token(), merge).prop_map(|(token, scopes)| Act::Merge { token, scopes }),
        4 => (token(), prop_oneof![Just(0), 1..20_u64], prop::bool::weighted(0.2))
            .prop_map(|(token, grace, end)| Act::Rotate { token, grace, end }),
        2 => token().prop_map(|text| Act::RevokeText { text }),
        2 => token().prop_map(|token| Act::Revoke { token }),
        1 => (prop::collection::vec(token(), 1..4), prop::bool::weighted(0.2))
            .prop_map(|(tokens, unknown)| Act::RevokeSome { tokens, unknown }),
        1 => (1..MEMBERS.len()).prop_map(|member| Act::RevokeOf { member }),
    ]
}

fn workspace_act() -> impl Strategy<Value = Act> {
    let member = || 0..MEMBERS.len();
    let quota = || prop::option::of(0..6_u64);
    let change = (
        member(),
        prop::option::of(quota()),
        prop::option::of(prop::bool::weighted(0.3)),
        prop::option::weighted(0.2, any::<bool>()),
        prop::bool::weighted(0.1),
    );
    let days = prop::option::of(prop::option::of(1..3_u64));
    prop_oneof![
        4 => (member(), prop::bool::weighted(0.2), scopes(), quota())
            .prop_map(|(member, admin, grants, quota)| Act::AddMember { member, admin, grants, quota }),
        3 => (member(), scopes()).prop_map(|(member, grants)| Act::Grant { member, grants }),
        4 => change.prop_map(|(member, quota, suspended, admin, revoke_all)| {
            Act::ChangeMember { member, quota, suspended, admin, revoke_all }
        }),
        1 => (1..MEMBERS.len()).prop_map(|member| Act::Erase { member }),
        2 => (0..CLIENTS.len()).prop_map(|client| Act::AddClient { client }),
        1 => (0..CLIENTS.len()).prop_map(|client| Act::RemoveClient { client }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(reserved, more)| Act::PutScopes { reserved, more }),
        1 => (prop::option::of(1..6_u64), prop::option::of(prop::option::of(10..60_u64)), days)
            .prop_map(|(quota, max_lifetime, retention)| Act::Settings { quota, max_lifetime, retention }),
        2 => prop::bool::weighted(0.2).prop_map(|suspended| Act::Suspend { suspended }),
    ]
}

fn world_act() -> impl Strategy<Value = Act> {
    let put = prop::sample::select(&[Put::Done, Put::Failed, Put::Unknown, Put::Late, Put::Unreported][..]);
    prop_oneof![
        6 => Just(Act::Again),
        4 => (0..8_u64).prop_map(|seconds| Act::Wait { seconds }),
        1 => (1..40_u64).prop_map(|hours| Act::Wait { seconds: hours * 3_600 }),
        3 => prop::collection::vec(put, 1..8).prop_map(Act::Drain),
        1 => Just(Act::Settle),
        1 => Just(Act::Upkeep),
        1 => Just(Act::Reopen),
    ]
}
