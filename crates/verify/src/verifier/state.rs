//! The state of a verifier, and of one check.

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::{Digest, WorkspaceKey};

use crate::{
    allowance::Allowance,
    answer::{Answer, Grant, LeaseQuestion, Question, RegistryKey},
    decision::{Code, Facts},
    demand::{Demand, Freshness},
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    record_cache::RecordCache,
    segment::Snapshot,
    time::Timestamp,
};

/// Registry reads before the ledger is queried: one for the token and its workspace, one for its owner.
pub(super) const REGISTRY_READS: u8 = 2;

/// The most fetches for one check: a manifest, a segment, an owner segment, the token's full record, and one more for a
/// file that was evicted meanwhile.
pub(super) const FETCHES: u8 = 5;

/// Limits on what a verifier caches and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Budget for cached records and segments, in bytes, approximately.
    pub memory: usize,
    /// The highest age at which a cached record may be used for an eventual decision, in milliseconds.
    pub eventual_age: u64,
    /// How many third-party tokens that are not cached may be looked up per second and workspace.
    pub foreign_per_second: u32,
    /// Whether uses of tokens are counted, and reported with lease questions.
    pub count_uses: bool,
    /// Whether segments are loaded from the registry.
    pub segments: bool,
    /// How many lease questions of one workspace may be in flight at once; further checks wait.
    pub asking_at_once: usize,
}

impl Default for Limits {
    /// Defaults: 16 MiB; 60 s, which eventual freshness promises; 100 per second and workspace; uses are not counted;
    /// segments are not loaded; 16 at once.
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            eventual_age: 60_000,
            foreign_per_second: 100,
            count_uses: false,
            segments: false,
            asking_at_once: 16,
        }
    }
}

/// A step of a check.
#[derive(Debug)]
pub enum Progress {
    /// The check is done.
    Decided(Decision),
    /// The host has to fetch something first.
    Fetch(Pending),
}

/// The decision on one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The result.
    pub code: Code,
    /// The freshness level of the decision.
    pub freshness: Freshness,
    /// The time as of which it holds.
    pub as_of: Timestamp,
    /// The token, if it was ever issued; also if it is not valid.
    pub known: Option<Known>,
    /// Whether this request is to have the workspace's lease renewed in the background: see [`Verifier::renewal`]. If
    /// it does not, a request a second later is told to.
    pub renewal_due: bool,
}

/// The token that a decision is about, with its records.
#[derive(Clone, Debug)]
pub struct Known(pub(super) Place);

/// Where the records are on which a decision rests.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the cache.
    Cache(WorkspaceKey, Digest),
    /// Here.
    Records(Arc<TokenRecord>, Arc<OwnerRecord>, Arc<WorkspaceRecord>),
}

/// A check that waits for [`need`](Self::need). It contains the digest, never the token value.
#[derive(Debug)]
pub struct Pending {
    pub(super) subject: Subject,
    pub(super) need: Need,
    pub(super) asked_at: MonotonicTime,
    /// For a query to the ledger: its sequence number.
    pub(super) nth: u32,
    /// The number of the [query in flight](Verifier::asking), which may be shared by a batch; 0 if there is none.
    pub(super) out: u32,
    pub(super) state: CheckState,
}

/// A lease question for a renewal in the background.
#[derive(Debug)]
pub struct Renewal {
    pub(super) question: LeaseQuestion,
    pub(super) asked_at: MonotonicTime,
    pub(super) nth: u32,
}

/// What a host has to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The values of these registry keys, in this order.
    Registry(Vec<RegistryKey>),
    /// The ledger's response to this question. A host may combine several of one workspace, and supply each check with
    /// the one response.
    Ledger(Question),
    /// The ledger's response to this lease question, likewise.
    Lease(LeaseQuestion),
    /// Nothing: another check's query in flight will serve this one. Resume it after this many milliseconds, or, if
    /// requests may wait for one another, as soon as anything else was supplied for this workspace.
    Wait(WorkspaceKey, u64),
}

/// What a host has fetched.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// The values of the requested keys, in their order.
    Registry(&'a [Option<Vec<u8>>]),
    /// The ledger's response.
    Ledger(&'a Answer),
    /// The ledger's response to a lease question.
    Lease(&'a Grant),
    /// The host has waited.
    Waited,
    /// It could not be fetched.
    Unavailable,
}

/// The token that is being verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) workspace: WorkspaceKey,
    pub(super) digest: Digest,
    /// For a third-party token: the index of the workspace, among the requirement's, that is being searched.
    pub(super) foreign: Option<usize>,
}

/// The state of a check so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckState {
    /// The freshness that the decision needs: the demanded one, until it cannot be had and `or_eventual` allows less.
    pub(super) freshness: Freshness,
    /// How often the registry was read.
    pub(super) registry_reads: u8,
    /// How many fetches segments took.
    pub(super) fetches: u8,
    /// How many responses came too late.
    pub(super) late: u8,
    /// How often it has waited for other checks, and since when.
    pub(super) waits: u8,
    pub(super) waiting_since: MonotonicTime,
    /// Whether the ledger failed: it is not queried again.
    pub(super) without_ledger: bool,
    /// The earliest time as of which segments say that a third-party token is unknown to the workspaces searched so
    /// far.
    pub(super) unknown: Option<Timestamp>,
}

/// Caches records and decides. One per isolate.
#[derive(Debug)]
pub struct Verifier {
    pub(super) limits: Limits,
    pub(super) cache: RecordCache,
    pub(super) snapshots: Vec<LoadedSnapshot>,
    pub(super) latest: MonotonicTime,
    pub(super) foreign: Allowance<WorkspaceKey>,
    /// How many lease runs there were.
    pub(super) runs: u32,
    /// How many queries to ledgers.
    pub(super) questions: u32,
    pub(super) seed: u64,
}

/// A loaded snapshot.
#[derive(Debug)]
pub(super) struct LoadedSnapshot {
    pub(super) snapshot: Snapshot,
    pub(super) workspace: Arc<WorkspaceRecord>,
}

/// Snapshots cannot decide: the workspace demands this freshness.
pub(super) struct StricterFreshness(pub(super) Freshness);

/// What segments say about a token.
pub(super) enum SegmentLookup {
    /// It exists. Its records are now cached, covered by the lease.
    Known,
    /// It did not exist at this time.
    Nothing(Timestamp),
    /// These files or records have to be fetched first.
    Fetch(Vec<RegistryKey>),
}

impl Decision {
    /// The records on which it rests, if [`known`](Self::known) has them.
    #[must_use]
    pub fn facts(&self) -> Option<Facts<'_>> {
        self.known.as_ref()?.facts()
    }
}

impl Pending {
    /// What the check waits for.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }
}

impl Renewal {
    /// The question to send.
    #[must_use]
    pub fn question(&self) -> &LeaseQuestion {
        &self.question
    }
}

impl CheckState {
    #[inline]
    pub(super) fn of(freshness: Freshness) -> Self {
        Self {
            freshness,
            registry_reads: 0,
            fetches: 0,
            late: 0,
            waits: 0,
            waiting_since: MonotonicTime::default(),
            without_ledger: false,
            unknown: None,
        }
    }

    /// The same, after a registry read that failed: the registry is not read again.
    pub(super) fn without_registry(self) -> Self {
        Self { registry_reads: REGISTRY_READS, fetches: FETCHES, ..self }
    }
}

impl Known {
    pub(super) fn of(token: TokenRecord, owner: Arc<OwnerRecord>, workspace: Arc<WorkspaceRecord>) -> Self {
        Self(Place::Records(Arc::new(token), owner, workspace))
    }

    /// The token's workspace.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceKey {
        match &self.0 {
            Place::Cache(workspace, _) => *workspace,
            Place::Records(.., workspace) => workspace.key,
        }
    }

    /// The records, as [`decide`](crate::decide) takes them; `None` if they are in the cache, until
    /// [`Verifier::complete`] takes them from there.
    #[must_use]
    pub fn facts(&self) -> Option<Facts<'_>> {
        match &self.0 {
            Place::Cache(..) => None,
            Place::Records(token, owner, workspace) => Some(Facts { token, owner, workspace }),
        }
    }
}

/// A decision that no record could change.
pub(super) fn decided_without_records(code: Code, now: MonotonicTime) -> Progress {
    decided(code, Freshness::Strong, now.time, None)
}

pub(super) fn unavailable(demand: &Demand, now: MonotonicTime) -> Progress {
    decided(Code::Unavailable, demand.freshness, now.time, None)
}

pub(super) fn decided(code: Code, freshness: Freshness, as_of: Timestamp, known: Option<Known>) -> Progress {
    Progress::Decided(Decision { code, freshness, as_of, known, renewal_due: false })
}

/// The stricter of this freshness and what the workspace demands for the requirement's scopes.
#[inline]
pub(super) fn strictest(freshness: Freshness, demand: &Demand, workspace: &WorkspaceRecord) -> Freshness {
    let asked = demand.scopes().map(|scope| workspace.freshness_of(scope));
    asked.fold(freshness, Ord::max)
}
