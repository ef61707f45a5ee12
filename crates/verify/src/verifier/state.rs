//! What a verifier consists of, and what a check goes through.

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::{Digest, WorkspaceKey};

use crate::{
    allowance::Allowance,
    answer::{Answer, Grant, LeaseQuestion, Question, RegistryKey},
    decision::{Code, Facts},
    demand::{Demand, Freshness},
    memory::Memory,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    segment::Snapshot,
    time::Timestamp,
};

/// Looks at the registry before the ledger is asked: for the token with its workspace, then for its owner.
pub(super) const LOOKS: u8 = 2;

/// The most fetches for one check: a manifest, a segment, an owner segment, and who the token is; and another for a file
/// that was evicted meanwhile.
pub(super) const FETCHES: u8 = 5;

/// How much a verifier may hold and spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of records and segments held in memory, about.
    pub memory: usize,
    /// How long eventual answers may come from memory, in milliseconds.
    pub eventual_age: u64,
    /// How many foreign texts never seen before may be looked up in one workspace in a second.
    pub foreign_per_second: u32,
    /// Whether uses of tokens are counted, to be told with questions for leases.
    pub count_uses: bool,
    /// Whether segments are loaded from the registry.
    pub segments: bool,
    /// How many questions for leases of one workspace are out at once, before those who come then wait.
    pub asking_at_once: usize,
}

impl Default for Limits {
    /// 16 MiB; 60 s, the promise of eventual freshness; 100 a second in each workspace; uses are not counted, and no segments loaded; 16 at once.
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

/// A step towards a decision.
#[derive(Debug)]
pub enum Progress {
    /// Done.
    Decided(Decision),
    /// Something is to be fetched first.
    Fetch(Pending),
}

/// The answer about one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What was decided.
    pub code: Code,
    /// How fresh the answer is.
    pub freshness: Freshness,
    /// As of when it holds.
    pub as_of: Timestamp,
    /// Who the token is, where it was ever issued: also where it does not pass.
    pub known: Option<Known>,
    /// Whether it is this request's turn to have the workspace's lease renewed, in its background: see
    /// [`Verifier::renewal`]. Where it does not, the next one does, a second later.
    pub renewal_due: bool,
}

/// The records that a decision rests on.
#[derive(Clone, Debug)]
pub struct Known {
    pub(super) token: Arc<TokenRecord>,
    pub(super) owner: Arc<OwnerRecord>,
    pub(super) workspace: Arc<WorkspaceRecord>,
}

/// A check that waits for what [`need`](Self::need) names. It holds a digest, never a text.
#[derive(Debug)]
pub struct Pending {
    pub(super) subject: Subject,
    pub(super) need: Need,
    pub(super) asked_at: MonotonicTime,
    /// Of a question to the ledger: which one it is, by their count.
    pub(super) nth: u32,
    /// By which number it is [out](Verifier::asking), together with others that are asked as one; 0 where it is not.
    pub(super) out: u32,
    pub(super) course: Course,
}

/// A question for a lease that nobody waits for.
#[derive(Debug)]
pub struct Renewal {
    pub(super) question: LeaseQuestion,
    pub(super) asked_at: MonotonicTime,
    pub(super) nth: u32,
}

/// What a host has to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// These keys of the registry, in this order.
    Registry(Vec<RegistryKey>),
    /// The ledger's answer to this question. A host may put several into one, of one workspace, and supply each with
    /// the one answer.
    Ledger(Question),
    /// The ledger's answer to this question, likewise.
    Lease(LeaseQuestion),
    /// Nothing is to be fetched: others ask already what this waits for. It is to be gone on with after so many milliseconds,
    /// or, where requests may wait for one another, as soon as anything else of this workspace was supplied. It then looks again.
    Wait(WorkspaceKey, u64),
}

/// What a host has fetched.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// The values of the keys asked for, in their order.
    Registry(&'a [Option<Vec<u8>>]),
    /// The ledger's answer.
    Ledger(&'a Answer),
    /// Its answer to a question for a lease.
    Lease(&'a Grant),
    /// It has waited.
    Waited,
    /// It could not be had.
    Unavailable,
}

/// Whose text is being checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) workspace: WorkspaceKey,
    pub(super) digest: Digest,
    /// For a text issued elsewhere: which of the demand's workspaces is being asked.
    pub(super) foreign: Option<usize>,
}

/// How a check has gone so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// How fresh the answer has to be: as demanded, until that cannot be had and need not be.
    pub(super) freshness: Freshness,
    /// How often the registry was looked at.
    pub(super) looks: u8,
    /// How much was fetched for what segments say.
    pub(super) fetches: u8,
    /// How many answers came too late.
    pub(super) late: u8,
    /// How often it has waited for others, and since when.
    pub(super) waits: u8,
    pub(super) waiting_since: MonotonicTime,
    /// Whether the ledger gave no answer: it is not asked again.
    pub(super) without_ledger: bool,
    /// As of when the workspaces asked so far did not know a foreign text, where segments said so.
    pub(super) unknown: Option<Timestamp>,
}

/// Remembers records and decides. One per isolate.
#[derive(Debug)]
pub struct Verifier {
    pub(super) limits: Limits,
    pub(super) memory: Memory,
    pub(super) snapshots: Vec<Loaded>,
    pub(super) latest: MonotonicTime,
    pub(super) foreign: Allowance<WorkspaceKey>,
    /// How many runs of leases there were.
    pub(super) runs: u32,
    /// How many questions to ledgers.
    pub(super) questions: u32,
    pub(super) seed: u64,
}

/// A snapshot that was loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) workspace: Arc<WorkspaceRecord>,
}

/// Snapshots have no say: the workspace asks for this freshness.
pub(super) struct Stricter(pub(super) Freshness);

/// What segments say of a text.
pub(super) enum Found {
    /// It is known. Its records are held under the lease, to be recalled.
    Known,
    /// It had not been issued then.
    Nothing(Timestamp),
    /// This is to be fetched first.
    Fetch(Vec<RegistryKey>),
}

impl Pending {
    /// What the check waits for.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }
}

impl Renewal {
    /// What to ask.
    #[must_use]
    pub fn question(&self) -> &LeaseQuestion {
        &self.question
    }
}

impl Course {
    pub(super) fn of(freshness: Freshness) -> Self {
        Self {
            freshness,
            looks: 0,
            fetches: 0,
            late: 0,
            waits: 0,
            waiting_since: MonotonicTime::default(),
            without_ledger: false,
            unknown: None,
        }
    }

    /// The same, after a look at the registry that brought nothing: it is not looked at again.
    pub(super) fn without_registry(self) -> Self {
        Self { looks: LOOKS, fetches: FETCHES, ..self }
    }
}

impl Known {
    /// The records by reference, as [`decide`] takes them.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts { token: &self.token, owner: &self.owner, workspace: &self.workspace }
    }
}

/// A decision that no record could change.
pub(super) fn certain(code: Code, now: MonotonicTime) -> Progress {
    decided(code, Freshness::Strong, now.time, None)
}

pub(super) fn unavailable(demand: &Demand, now: MonotonicTime) -> Progress {
    decided(Code::Unavailable, demand.freshness, now.time, None)
}

pub(super) fn decided(code: Code, freshness: Freshness, as_of: Timestamp, known: Option<Known>) -> Progress {
    Progress::Decided(Decision { code, freshness, as_of, known, renewal_due: false })
}

/// The strictest of this freshness and what the workspace asks for the demand's scopes.
pub(super) fn strictest(freshness: Freshness, demand: &Demand, workspace: &WorkspaceRecord) -> Freshness {
    let asked = demand.scopes().map(|scope| workspace.freshness_of(scope));
    asked.fold(freshness, Ord::max)
}
