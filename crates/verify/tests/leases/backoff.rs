//! A state machine of queries and back-off: queries that fail, are lost or take time, checks whose request is dropped,
//! a clock that is set back.
//!
//! The lease protocol ([`crate::protocol`]) allows a query at any time, so nothing here can break its promise. The
//! promise is verified all the same, since a response decides waiting checks. This model also shows: a failing ledger
//! receives one query per back-off; a query that is merely in flight makes no check unavailable; and once the ledger
//! answers, checks are decided within the longest back-off.
//!
//! Time is counted in ticks. From the step [`Action::Calm`] on, the ledger always answers, and a tick passes only after
//! everything deliverable was delivered and a check was made since. So recovery *in time* is a property of each state
//! and needs no fairness assumption.

use stateright::{Model, Property};

/// How many ticks a lease is used, and in how many a revoked token is no longer accepted.
const USABLE: u8 = 3;
const LEASE: u8 = 4;
/// For how many ticks a query counts as in flight.
const IN_FLIGHT_MAX: u8 = 2;
/// The first back-off is one tick or two, each later one two to four.
const BACKOFF: [(u8, u8); 2] = [(1, 2), (2, 4)];
/// How many queries may be in flight at once.
const AT_ONCE: usize = 2;
/// For how many ticks a check waits for other queries.
const LONGEST_WAIT: u8 = 3;
/// Within how many calm ticks checks are decided: the request of the trial may have been dropped, and a back-off may
/// just have begun.
const RECOVERY: u8 = 4;

pub(crate) const PROMISE: &str = "no token passes longer than was promised when it was revoked";
pub(crate) const FEW: &str = "after a failure one asks a back-off";
pub(crate) const BOUNDED: &str = "no more are out at once than may be";
pub(crate) const SERVED: &str = "once the ledger answers, checks are answered within a back-off";
pub(crate) const NOT_REFUSED: &str = "no check is refused only because a query is in flight";

/// A flaw of the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Every check queries, despite failures.
    NoBackOff,
    /// A failure is never forgotten.
    BackOffNeverEnds,
    /// After a back-off, every check queries.
    TwoTrials,
    /// Checks wait for a query whose request was dropped.
    DroppedQueriesBlock,
    /// A back-off is measured by a clock that may be set back.
    ClockStepsProlong,
    /// A check is unavailable while a query is in flight.
    InFlightIsUnavailable,
    /// The number of queries in flight is not limited.
    UnlimitedInFlight,
    /// A check that has waited uses the cache without a lease.
    WaitersUseTheCache,
}

impl Flaw {
    /// Each flaw with the property that it breaks.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::NoBackOff, FEW),
        (Self::BackOffNeverEnds, SERVED),
        (Self::TwoTrials, FEW),
        (Self::DroppedQueriesBlock, SERVED),
        (Self::ClockStepsProlong, SERVED),
        (Self::InFlightIsUnavailable, NOT_REFUSED),
        (Self::UnlimitedInFlight, BOUNDED),
        (Self::WaitersUseTheCache, PROMISE),
    ];
}

/// The model, with a limit on messages under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) in_flight: usize,
    pub(crate) flaw: Option<Flaw>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// For how many more ticks the token is accepted, if it was revoked.
    revoked: Option<u8>,
    /// The cached state of the token, before or after the revocation; and the lease it is covered by.
    known: Option<bool>,
    lease: u8,
    /// In the order in which they were sent.
    questions: Vec<Question>,
    /// Consecutive failures, where two stands for more; and the rest of the back-off.
    failures: u8,
    pause: u8,
    /// For how long a check has waited for other queries.
    waiting: Option<u8>,
    /// From now on the ledger answers.
    calm: bool,
    /// When calm: whether a check was made since the last delivery, and decided in this tick.
    checked: bool,
    served: bool,
    /// For how many calm ticks no check was decided.
    unserved: u8,
    /// Whether a query failed after the last response, and it is still the tick in which that was learned.
    failing: bool,
    just_failed: bool,
    wrong: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Question {
    /// For how long it counts as in flight, and the rest of the lease that it will be granted.
    turn: u8,
    lease: u8,
    /// The response: whether the token was revoked by then.
    answer: Option<bool>,
    /// Its request was dropped.
    gone: bool,
    /// Sent since the last failure was learned.
    is_trial: bool,
    /// A later one was answered.
    is_old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A check of the token; or of another one, which is seen for the first time.
    Check,
    FirstSight,
    /// The waiting check resumes.
    Look,
    Answer(usize),
    Deliver(usize),
    /// No response, or none in time; then a back-off of so many ticks.
    Fail(usize, u8),
    /// The request of the query is dropped.
    Drop(usize),
    Revoke,
    Tick,
    StepBack,
    Calm,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Memory,
    Ask,
    Wait,
    Refuse,
}

impl Backoff {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn verdict(&self, state: &State, first_sight: bool) -> Verdict {
        let State { lease, failures, pause, .. } = *state;
        if lease > 0 && !first_sight {
            return Verdict::Memory;
        }
        let out = state.questions.iter().filter(|question| question.turn > 0);
        if failures > 0 && !self.has(Flaw::NoBackOff) {
            let is_tried = out.clone().any(|question| question.is_trial) && !self.has(Flaw::TwoTrials);
            return match pause {
                0 if is_tried => Verdict::Wait,
                0 => Verdict::Ask,
                _ => Verdict::Refuse,
            };
        }
        let is_full = out.clone().count() >= AT_ONCE && !self.has(Flaw::UnlimitedInFlight);
        match (!first_sight && out.count() > 0) || is_full {
            true if self.has(Flaw::InFlightIsUnavailable) => Verdict::Refuse,
            true => Verdict::Wait,
            false => Verdict::Ask,
        }
    }

    fn ask(&self, state: &mut State) {
        let mut out = state.questions.iter().filter(|question| question.turn > 0);
        let is_tried = out.any(|question| question.is_trial && !question.gone);
        if state.failing && (state.just_failed || is_tried) {
            state.wrong = Some(FEW);
        }
        let is_trial = state.failures > 0;
        let question =
            Question { turn: IN_FLIGHT_MAX, lease: USABLE, answer: None, gone: false, is_trial, is_old: false };
        state.questions.push(question);
        let out = state.questions.iter().filter(|question| question.turn > 0).count();
        // The trial after a failure need not wait for queries that were in flight before.
        if out > AT_ONCE + usize::from(is_trial) {
            state.wrong = Some(BOUNDED);
        }
    }

    /// A check that has waited for so long. `None` if the limits of the model exclude it.
    fn check(&self, state: &mut State, first_sight: bool, waited: Option<u8>) -> Option<()> {
        let mut verdict = self.verdict(state, first_sight);
        if waited.is_some() && state.known.is_some() && self.has(Flaw::WaitersUseTheCache) {
            verdict = Verdict::Memory;
        }
        if verdict == Verdict::Wait && waited.is_some_and(|waited| waited >= LONGEST_WAIT) {
            let out = state.questions.iter().filter(|question| question.turn > 0).count();
            let is_free = state.failures == 0 && out < AT_ONCE;
            verdict = if is_free { Verdict::Ask } else { Verdict::Refuse };
        }
        match verdict {
            Verdict::Memory => {
                if state.known == Some(false) && state.revoked == Some(0) {
                    state.wrong = Some(PROMISE);
                }
                state.served = state.calm;
                // In its second half the lease is renewed, unless a query is in flight.
                let is_free = state.pause == 0 && state.questions.iter().all(|question| question.turn == 0);
                if state.lease == 1 && is_free && state.questions.len() < self.in_flight {
                    self.ask(state);
                }
            }
            Verdict::Ask if state.questions.len() >= self.in_flight => return None,
            Verdict::Ask => self.ask(state),
            // Of several waiting checks the one that has waited longest is modelled; a first sight is not.
            Verdict::Wait if first_sight => {}
            Verdict::Wait => state.waiting = Some(state.waiting.or(waited).unwrap_or(0)),
            Verdict::Refuse => {
                if !state.failing && waited.is_none_or(|waited| waited < LONGEST_WAIT) {
                    state.wrong = Some(NOT_REFUSED);
                }
            }
        }
        Some(())
    }

    fn deliver(state: &mut State, at: usize) {
        let Question { lease, answer, .. } = state.questions.remove(at);
        state.questions.iter_mut().take(at).for_each(|before| before.is_old = true);
        let Some(answer) = answer else { return };
        state.checked = false;
        if lease == 0 || (state.known == Some(true) && !answer) {
            return;
        }
        (state.known, state.lease) = (Some(answer), state.lease.max(lease));
        (state.failures, state.pause, state.failing, state.just_failed) = (0, 0, false, false);
        state.questions.iter_mut().for_each(|question| question.is_trial = false);
        // The check uses the response.
        if !answer && state.revoked == Some(0) {
            state.wrong = Some(PROMISE);
        }
        state.served = state.calm;
    }

    fn fail(&self, state: &mut State, at: usize, pause: u8) {
        let Question { is_trial, is_old, .. } = state.questions.remove(at);
        state.checked = false;
        if is_old || (state.failures > 0 && !is_trial) {
            return;
        }
        state.failures = BACKOFF.len().min(usize::from(state.failures) + 1) as u8;
        (state.pause, state.failing, state.just_failed) = (pause, true, true);
        state.questions.iter_mut().for_each(|question| question.is_trial = false);
    }

    fn tick(&self, state: &mut State) {
        state.lease = state.lease.saturating_sub(1);
        if !self.has(Flaw::BackOffNeverEnds) {
            state.pause = state.pause.saturating_sub(1);
        }
        for question in &mut state.questions {
            question.lease = question.lease.saturating_sub(1);
            question.turn -= u8::from(question.turn > 0 && !self.has(Flaw::DroppedQueriesBlock));
        }
        state.questions.retain(|question| !question.gone || question.turn > 0);
        state.revoked = state.revoked.map(|left| left.saturating_sub(1));
        state.waiting = state.waiting.map(|waited| LONGEST_WAIT.min(waited + 1));
        if state.calm {
            state.unserved = if state.served { 0 } else { state.unserved + 1 };
        }
        (state.checked, state.served, state.just_failed) = (false, false, false);
    }
}

impl Model for Backoff {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.wrong.is_some() || state.unserved > RECOVERY {
            return;
        }
        actions.push(Action::Check);
        actions.extend(state.waiting.map(|_| Action::Look));
        for (at, question) in state.questions.iter().enumerate().filter(|(_, question)| !question.gone) {
            actions.push(if question.answer.is_some() { Action::Deliver(at) } else { Action::Answer(at) });
            if !state.calm {
                let (least, most) = BACKOFF[usize::from(state.failures).min(BACKOFF.len() - 1)];
                actions.extend((least..=most).map(|pause| Action::Fail(at, pause)));
                actions.push(Action::Drop(at));
            }
        }
        if !state.calm {
            actions.extend(state.revoked.is_none().then_some(Action::Revoke));
            actions.extend([Action::FirstSight, Action::StepBack, Action::Calm]);
        }
        let is_done = state.checked && state.questions.iter().all(|question| question.gone);
        if !state.calm || is_done {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Check => {
                self.check(&mut next, false, None)?;
                next.checked = next.calm;
            }
            Action::FirstSight => self.check(&mut next, true, None)?,
            Action::Look => {
                let waited = next.waiting.take();
                self.check(&mut next, false, waited)?;
            }
            Action::Answer(at) => next.questions[at].answer = Some(next.revoked.is_some()),
            Action::Deliver(at) => Self::deliver(&mut next, at),
            Action::Fail(at, pause) => self.fail(&mut next, at, pause),
            Action::Drop(at) => {
                (next.questions[at].gone, next.questions[at].answer, next.questions[at].lease) = (true, None, 0);
                next.questions.retain(|question| !question.gone || question.turn > 0);
            }
            Action::Revoke => next.revoked = Some(LEASE),
            Action::Tick => self.tick(&mut next),
            Action::StepBack => {
                // The verifier cannot tell how long ago anything was, so it may query at once.
                (next.lease, next.just_failed) = (0, false);
                next.questions.iter_mut().for_each(|question| (question.lease, question.turn) = (0, 0));
                next.questions.retain(|question| !question.gone);
                let prolonged = if next.pause > 0 { 3 * RECOVERY } else { 0 };
                next.pause = if self.has(Flaw::ClockStepsProlong) { prolonged } else { 0 };
            }
            Action::Calm => next.calm = true,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(PROMISE, |_: &Self, state: &State| state.wrong != Some(PROMISE)),
            Property::always(FEW, |_: &Self, state: &State| state.wrong != Some(FEW)),
            Property::always(BOUNDED, |_: &Self, state: &State| state.wrong != Some(BOUNDED)),
            Property::always(NOT_REFUSED, |_: &Self, state: &State| state.wrong != Some(NOT_REFUSED)),
            Property::always(SERVED, |_: &Self, state: &State| state.unserved <= RECOVERY),
            Property::sometimes("the longest back-off is waited for", |_: &Self, state: &State| {
                state.unserved == RECOVERY
            }),
            Property::sometimes("a check waits for the longest allowed time", |_: &Self, state: &State| {
                state.waiting == Some(LONGEST_WAIT)
            }),
            Property::sometimes("a revoked token passes until its lease expires", |_: &Self, state: &State| {
                state.lease > 0 && state.known == Some(false) && state.revoked == Some(LEASE - USABLE + 1)
            }),
        ]
    }
}
