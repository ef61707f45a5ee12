//! What a restarted ledger knows of the leases that it granted.
//!
//! `protocol.rs` assumes that a ledger never considers the last lease expired before it is, and considers it expired
//! half a lease late at most. This model shows that this holds. The ledger is a disk and instances over it. An
//! instance's memory is lost when the instance is replaced, which may happen at any time: a Durable Object hibernates,
//! moves, crashes. The disk has an upper bound, extended by half a lease more than needed and so rarely written, and
//! the number of the instance that grants. Two instances at once, which the platform excludes, are modelled all the
//! same, and so are failing transactions.
//!
//! Time is counted in ticks from now. An instance's clock is ahead by 0 to δ, a different amount at each reading: so
//! the clocks of all machines differ, including their steps.

use stateright::{Model, Property, Representative};

/// How many ticks a lease lasts from the moment of the grant; the verifier uses less.
const LEASE: u8 = 4;
const DELTA: u8 = 1;

pub(crate) const PROMISE: &str = "a caller that waited is told so after every lease granted before has expired";
const WRITES: &str = "leases are written down no more than once in half a lease";

/// The rules. Each can be removed, to show that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The time until which leases may run is on disk.
    BoundIsWritten,
    /// It is written in the transaction that grants the lease, not afterwards.
    BoundIsWrittenFirst,
    /// It is extended whenever a lease would outlast it.
    BoundIsMoved,
    /// A waiting change uses the bound on disk if the instance itself has granted no lease.
    WaitsGoByTheBound,
    /// If the disk has no bound, the longest lease is assumed to have been granted just before.
    NothingWrittenIsNoPromise,
    /// An instance that grants writes its number to disk, so that the previous one is fenced off.
    InstancesAreFenced,
    /// An instance uses its own record of grants only while its number is on disk, which it is not if the transaction
    /// that was to write it failed. (With this rule, the promise does not need the fencing to reject.)
    MemoryCountsWithItsNumber,
    /// A change that waits for the end of all leases waits for δ more.
    WaitsAllowForClocks,
    /// The clocks of machines differ by at most δ.
    ClocksAreWithinDelta,
}

impl Rule {
    pub(crate) const ALL: [Self; 9] = [
        Self::BoundIsWritten,
        Self::BoundIsWrittenFirst,
        Self::BoundIsMoved,
        Self::WaitsGoByTheBound,
        Self::NothingWrittenIsNoPromise,
        Self::InstancesAreFenced,
        Self::MemoryCountsWithItsNumber,
        Self::WaitsAllowForClocks,
        Self::ClocksAreWithinDelta,
    ];
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Restarts {
    pub(crate) without: Option<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    disk: Disk,
    instances: [Instance; 2],
    /// The rest of the last lease that any verifier has.
    lease: u8,
    /// A change that is waited for.
    change: Option<Change>,
    /// How long ago the bound was last extended by an instance that had not just started; and whether that was too
    /// soon.
    moved: u8,
    moved_too_soon: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Disk {
    /// In how long every lease has expired; `None` if nothing was written.
    bound: Option<u8>,
    grantor: Number,
}

/// A number that an instance draws, by which others recognise it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Number {
    Nobodys,
    /// The number of the instance at this index.
    Of(usize),
    /// The number of an instance that no longer exists. Several are treated as one, which rejects less than reality.
    Gone,
}

/// The memory of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Instance {
    /// Its grants: in how long the last one expires, and which number was on disk.
    granted: Option<(u8, Number)>,
    /// If nothing is on disk: in how long the longest lease expires, from its first read on.
    assumed: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Change {
    /// The rest of leases that were granted before the change.
    leases: u8,
    /// In how long the waiting change is told that none runs.
    told: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// An instance grants, with a clock that is ahead by so much.
    Grant(usize, u8),
    /// The same with a transaction that fails.
    Fail(usize, u8),
    Change(usize, u8),
    /// An instance is replaced.
    Restart(usize),
    /// If that is done after the grant: the bound is written.
    Write(usize),
    Tick,
}

impl Restarts {
    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Whether the instance executes commands at all.
    fn is_sole(&self, state: &State, at: usize) -> bool {
        let Some((_, before)) = state.instances[at].granted else { return true };
        let grantor = state.disk.grantor;
        grantor == Number::Of(at) || grantor == before || !self.has(Rule::InstancesAreFenced)
    }

    /// In how long the last lease expires, as far as this instance knows: by its clock, which is ahead by so much, and
    /// never longer than a lease lasts.
    fn end(&self, state: &mut State, at: usize, ahead: u8) -> u8 {
        let State { disk, instances, .. } = state;
        let latest = LEASE + ahead;
        let is_compared = self.has(Rule::MemoryCountsWithItsNumber) && self.has(Rule::InstancesAreFenced);
        let counts = disk.grantor == Number::Of(at) || !is_compared;
        let own = instances[at].granted.filter(|_| counts).map(|(end, _)| end);
        let bound = disk.bound.filter(|_| self.has(Rule::WaitsGoByTheBound));
        let is_unwritten = disk.bound.is_none() && self.has(Rule::NothingWrittenIsNoPromise);
        let end = own.or(bound).or_else(|| is_unwritten.then(|| *instances[at].assumed.get_or_insert(latest)));
        end.unwrap_or(0).min(latest)
    }

    fn remember(&self, state: &mut State, at: usize, ahead: u8) {
        let end = self.end(state, at, ahead).max(LEASE + ahead);
        let before = state.instances[at].granted.map_or(state.disk.grantor, |(_, before)| before);
        state.instances[at].granted = Some((end, before));
    }

    fn write(&self, state: &mut State, at: usize) {
        let Some((end, _)) = state.instances[at].granted else { return };
        let is_new = state.disk.grantor != Number::Of(at);
        if self.has(Rule::BoundIsWritten) && (self.has(Rule::BoundIsMoved) || is_new) {
            // The first write of an instance is excluded: it has to write its number.
            state.moved_too_soon = !is_new && state.moved < LEASE / 2;
            state.moved = 0;
            state.disk.bound = Some(end + LEASE / 2);
        }
        state.disk.grantor = Number::Of(at);
    }
}

impl State {
    fn restart(&mut self, at: usize) {
        self.instances[at] = Instance::default();
        let befores = self.instances.iter_mut().filter_map(|instance| Some(&mut instance.granted.as_mut()?.1));
        let numbers = befores.chain([&mut self.disk.grantor]);
        numbers.filter(|number| **number == Number::Of(at)).for_each(|number| *number = Number::Gone);
    }

    fn tick(&mut self) {
        let ends = self.instances.iter_mut().filter_map(|instance| Some(&mut instance.granted.as_mut()?.0));
        ends.for_each(pass);
        self.instances.iter_mut().filter_map(|instance| instance.assumed.as_mut()).for_each(pass);
        self.disk.bound.iter_mut().for_each(pass);
        pass(&mut self.lease);
        if let Some(change) = &mut self.change {
            pass(&mut change.leases);
            pass(&mut change.told);
        }
        self.moved = (self.moved + 1).min(LEASE);
    }
}

fn pass(left: &mut u8) {
    *left = left.saturating_sub(1);
}

impl Model for Restarts {
    type State = State;
    type Action = Action;

    /// A new disk, and one used by a version that wrote nothing.
    fn init_states(&self) -> Vec<State> {
        let disk = Disk { bound: None, grantor: Number::Nobodys };
        let state = |lease| State {
            disk: disk.clone(),
            instances: [Instance::default(); 2],
            lease,
            change: None,
            moved: LEASE,
            moved_too_soon: false,
        };
        (0..=LEASE).map(state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let apart = if self.has(Rule::ClocksAreWithinDelta) { DELTA } else { 2 * DELTA };
        for at in 0..2 {
            if self.is_sole(state, at) {
                for ahead in 0..=apart {
                    actions.extend([Action::Grant(at, ahead), Action::Fail(at, ahead)]);
                    if state.change.is_none() {
                        actions.push(Action::Change(at, ahead));
                    }
                }
            }
            let is_unwritten = |(end, _)| state.disk.bound.is_none_or(|bound| end > bound);
            if !self.has(Rule::BoundIsWrittenFirst) && state.instances[at].granted.is_some_and(is_unwritten) {
                actions.push(Action::Write(at));
            }
            actions.push(Action::Restart(at));
        }
        actions.push(Action::Tick);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Grant(at, ahead) => {
                self.remember(&mut next, at, ahead);
                let outlasts = |bound: u8| next.instances[at].granted.is_some_and(|(end, _)| end > bound);
                let is_written = next.disk.bound.is_some_and(|bound| !outlasts(bound));
                let must_write = !is_written || next.disk.grantor != Number::Of(at);
                if must_write && self.has(Rule::BoundIsWrittenFirst) {
                    self.write(&mut next, at);
                }
                next.lease = LEASE;
            }
            Action::Fail(at, ahead) => self.remember(&mut next, at, ahead),
            Action::Change(at, ahead) => {
                let margin = if self.has(Rule::WaitsAllowForClocks) { DELTA } else { 0 };
                let told = (self.end(&mut next, at, ahead) + margin).saturating_sub(ahead);
                next.change = Some(Change { leases: next.lease, told });
            }
            Action::Restart(at) => next.restart(at),
            Action::Write(at) => self.write(&mut next, at),
            Action::Tick => {
                next.tick();
                // It was told, and all leases have expired: another change may come.
                next.change = next.change.filter(|change| change.leases > 0 || change.told > 0);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(PROMISE, |_: &Self, state: &State| {
                state.change.is_none_or(|change| change.leases <= change.told)
            }),
            Property::always(WRITES, |_: &Self, state: &State| !state.moved_too_soon),
            Property::sometimes(
                "a new instance makes no caller wait longer than δ",
                |restarts: &Self, state: &State| {
                    let is_new = state.instances[0] == Instance::default() && state.disk.grantor == Number::Gone;
                    is_new && restarts.end(&mut state.clone(), 0, 0) == 0
                },
            ),
            Property::sometimes(
                "an instance makes a caller wait half a lease longer than necessary",
                |_: &Self, state: &State| {
                    state.change.is_some_and(|change| change.leases == LEASE / 2 && change.told >= LEASE)
                },
            ),
            Property::sometimes("an instance refuses", |restarts: &Self, state: &State| !restarts.is_sole(state, 0)),
        ]
    }
}

/// The identities of instances make no difference.
impl Representative for State {
    fn representative(&self) -> Self {
        let mut swapped = self.clone();
        swapped.instances.reverse();
        let befores = swapped.instances.iter_mut().filter_map(|instance| Some(&mut instance.granted.as_mut()?.1));
        for number in befores.chain([&mut swapped.disk.grantor]) {
            if let Number::Of(at) = number {
                *at = 1 - *at;
            }
        }
        swapped.min(self.clone())
    }
}
