//! The lease protocol as a state machine.
//!
//! Time is counted in ticks. A clock is right except that within one lease it may fall one tick behind, or run one tick
//! ahead. That is δ, which covers steps of the clock and times at which it stands still. Different rates are subtracted
//! beforehand (2 % of a lease), so the model has none. Clocks that end leases too early are left out: they only reject.
//!
//! Verifiers affect each other only through the ledger's record of when the last lease expires, which any question
//! extends. So a ledger that may grant leases at any time stands for any number of verifiers.
//! puts that off. So a ledger that may be asked by others at any moment stands for any number of them.

use std::array;

use stateright::{Model, Property, Representative};

/// How many ticks a lease lasts, from before the question.
const LEASE: u8 = 4;
/// How far a clock may be off within a lease, in ticks.
const DELTA: u8 = 1;

pub(crate) const PROMISE: &str = "no token passes longer than was promised when it was revoked";

/// The rules of the protocol. Each can be removed, to show that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A lease is counted from the question, not from the response.
    CountedFromTheQuestion,
    /// A token seen for the first time is queried from the ledger, not read from the registry, which may be outdated.
    FirstSightIsAsked,
    /// A response that is older than the verifier's cache is dropped.
    LateAnswersAreDropped,
    /// A response to a verifier that had cached nothing lists no changes: if the verifier has cached records by then,
    /// it drops them.
    ChangesAreComplete,
    /// A response that arrives after its own lease expired is dropped, also for the request that waits for it.
    AnswersAreInTime,
    /// A restarted ledger uses the expiry on disk: no lease expires later, and at most half a lease sooner.
    /// `restarts.rs` shows that this holds.
    RestartsGoByTheDisk,
    /// A verifier uses its lease for δ less than its duration.
    VerifiersAllowForClocks,
    /// A change that waits for the end of all leases waits for δ more.
    WaitsAllowForClocks,
    /// No clock is off by more than δ.
    ClocksAreWithinDelta,
}

impl Rule {
    pub(crate) const ALL: [Self; 9] = [
        Self::CountedFromTheQuestion,
        Self::FirstSightIsAsked,
        Self::LateAnswersAreDropped,
        Self::ChangesAreComplete,
        Self::AnswersAreInTime,
        Self::RestartsGoByTheDisk,
        Self::VerifiersAllowForClocks,
        Self::WaitsAllowForClocks,
        Self::ClocksAreWithinDelta,
    ];
}

/// The model: so many verifiers, each with so many questions and responses under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol<const VERIFIERS: usize> {
    pub(crate) in_flight: usize,
    /// Whether verifiers outside the model may be granted leases at any time.
    pub(crate) others: bool,
    pub(crate) without: Option<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State<const VERIFIERS: usize> {
    ledger: Ledger,
    verifiers: [Verifier; VERIFIERS],
    /// Whether a request used a response to accept a token that was promised to be rejected.
    broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Ledger {
    /// How many tokens were revoked: 0, 1 or 2.
    generation: u8,
    tokens: [Token; 2],
    /// In how many ticks of the ledger's clock the last lease expires. Everything else is on disk; of this only a bound
    /// is.
    leases: u8,
    /// Whether its clock has run ahead since the last lease was granted.
    ahead: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token {
    Live,
    /// Revoked at this generation, and promised to be rejected everywhere in so many ticks: a lease, or sooner if
    /// `revoke` returned after waiting.
    Revoked {
        at: u8,
        passes_for: u8,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Verifier {
    /// The generation of the cache; `None` before the first response.
    generation: Option<u8>,
    /// The generation of each token's cached record.
    held: [Option<u8>; 2],
    lease: Countdown,
    /// Unordered: a network may deliver in any order.
    messages: Vec<Message>,
}

/// By a verifier's clock: in how many ticks something expires, and whether the clock has fallen behind meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Countdown {
    left: u8,
    behind: bool,
}

/// A question under way, then its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    /// Whether the response lists all changes since a generation that the verifier had; else it lists none.
    tells_changes: bool,
    /// The token that is seen for the first time.
    first_sight: Option<usize>,
    /// The generation of the response.
    answered: Option<u8>,
    /// The rest of the lease that the response will grant.
    lease: Countdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Ask {
        verifier: usize,
        first_sight: Option<usize>,
    },
    /// The ledger reads a question and answers it.
    Answer {
        verifier: usize,
        message: usize,
    },
    Deliver {
        verifier: usize,
        message: usize,
    },
    Lose {
        verifier: usize,
        message: usize,
    },
    /// A record is read from the registry in its state before any revocation.
    ReadRegistry {
        verifier: usize,
        token: usize,
    },
    Revoke {
        token: usize,
        wait: bool,
    },
    /// Each verifier's clock may fall behind, and the ledger's run ahead: a bit for each.
    Tick {
        off: u8,
    },
    AnswerOthers,
    CrashVerifier(usize),
    /// The ledger loses everything that is not on disk; the bound is so many ticks after the last lease.
    CrashLedger {
        late: u8,
    },
}

impl<const VERIFIERS: usize> Protocol<VERIFIERS> {
    /// The bit of the ledger's clock.
    const LEDGER: u8 = 1 << VERIFIERS;

    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// For how many ticks of its own clock a verifier uses a lease.
    fn usable(&self) -> u8 {
        if self.has(Rule::VerifiersAllowForClocks) { LEASE - DELTA } else { LEASE }
    }

    /// Whether a check would accept the token.
    fn passes(&self, ledger: &Ledger, verifier: &Verifier, token: usize) -> bool {
        let is_known_revoked = |known: u8| matches!(ledger.tokens[token], Token::Revoked { at, .. } if at <= known);
        verifier.lease.left > 0 && verifier.held[token].is_some_and(|known| !is_known_revoked(known))
    }

    /// Whether a token is accepted that was promised to be accepted for at most so many ticks.
    fn one_passes(&self, state: &State<VERIFIERS>, ticks: u8) -> bool {
        let promised = |token: usize| matches!(state.ledger.tokens[token], Token::Revoked { passes_for, .. } if passes_for <= ticks);
        let any = |token: usize| state.verifiers.iter().any(|verifier| self.passes(&state.ledger, verifier, token));
        (0..2).any(|token| promised(token) && any(token))
    }

    /// Delivers a response, and returns whether it was used.
    fn deliver(&self, verifier: &mut Verifier, message: Message, generation: u8) -> bool {
        if message.lease.left == 0 && self.has(Rule::AnswersAreInTime) {
            return false;
        }
        if verifier.generation.is_some_and(|held| generation < held) {
            if let (false, Some(token)) = (self.has(Rule::LateAnswersAreDropped), message.first_sight) {
                verifier.held[token] = Some(generation);
            }
            return false;
        }
        let is_complete = message.tells_changes || verifier.generation.is_none_or(|held| held == generation);
        if !is_complete && self.has(Rule::ChangesAreComplete) {
            verifier.held = [None; 2];
        }
        verifier.generation = Some(generation);
        for held in verifier.held.iter_mut().flatten().filter(|_| message.tells_changes) {
            *held = generation;
        }
        if let Some(token) = message.first_sight {
            verifier.held[token] = Some(generation);
        }
        let granted = match self.has(Rule::CountedFromTheQuestion) {
            true => message.lease,
            false => Countdown { left: self.usable(), behind: false },
        };
        verifier.lease = verifier.lease.later(granted);
        true
    }
}

impl Countdown {
    fn tick(&mut self, falls_behind: bool) {
        if self.left > 0 {
            self.left -= u8::from(!falls_behind);
            self.behind = (self.behind || falls_behind) && self.left > 0;
        }
    }

    /// The one that expires later, by a clock that may yet fall behind if either may.
    fn later(self, other: Self) -> Self {
        match self.left.cmp(&other.left) {
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal => Self { left: self.left, behind: self.behind && other.behind },
        }
    }
}

impl Verifier {
    /// Whether anything is measured by its clock which has not fallen behind within any of it; falling behind more
    /// often would exceed δ.
    fn may_fall_behind(&self, more_than_delta: bool) -> bool {
        let leases = self.messages.iter().map(|message| message.lease).chain([self.lease]);
        let mut running = leases.filter(|lease| lease.left > 0).peekable();
        running.peek().is_some() && running.all(|lease| more_than_delta || !lease.behind)
    }

    fn tick(&mut self, falls_behind: bool) {
        self.lease.tick(falls_behind);
        self.messages.iter_mut().for_each(|message| message.lease.tick(falls_behind));
        self.messages.sort_unstable();
    }
}

impl Ledger {
    fn grant(&mut self) {
        (self.leases, self.ahead) = (LEASE, false);
    }

    fn tick(&mut self, runs_ahead: bool) {
        self.leases = self.leases.saturating_sub(1 + u8::from(runs_ahead));
        self.ahead = (self.ahead || runs_ahead) && self.leases > 0;
        for token in &mut self.tokens {
            if let Token::Revoked { passes_for, .. } = token {
                *passes_for = passes_for.saturating_sub(1);
            }
        }
    }
}

impl<const VERIFIERS: usize> Model for Protocol<VERIFIERS> {
    type State = State<VERIFIERS>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        let ledger = Ledger { generation: 0, tokens: [Token::Live; 2], leases: 0, ahead: false };
        vec![State { ledger, verifiers: array::from_fn(|_| Verifier::default()), broken: false }]
    }

    fn actions(&self, State { ledger, verifiers, .. }: &Self::State, actions: &mut Vec<Action>) {
        for (at, verifier) in verifiers.iter().enumerate() {
            let unheld = (0..2).filter(|token| verifier.held[*token].is_none());
            if verifier.messages.len() < self.in_flight {
                let asked = unheld.clone().map(Some).chain([None]);
                actions.extend(asked.map(|first_sight| Action::Ask { verifier: at, first_sight }));
            }
            if !self.has(Rule::FirstSightIsAsked) {
                actions.extend(unheld.map(|token| Action::ReadRegistry { verifier: at, token }));
            }
            for (place, message) in verifier.messages.iter().enumerate() {
                actions.push(match message.answered {
                    None => Action::Answer { verifier: at, message: place },
                    Some(_) => Action::Deliver { verifier: at, message: place },
                });
                actions.push(Action::Lose { verifier: at, message: place });
            }
            if verifier.generation.is_some() {
                actions.push(Action::CrashVerifier(at));
            }
        }
        for token in (0..2).filter(|token| ledger.tokens[*token] == Token::Live) {
            actions.extend([false, true].map(|wait| Action::Revoke { token, wait }));
        }
        actions.extend((0..=LEASE / 2).map(|late| Action::CrashLedger { late }));
        if self.others {
            actions.push(Action::AnswerOthers);
        }
        let more_than_delta = !self.has(Rule::ClocksAreWithinDelta);
        let mut may_be_off = verifiers
            .iter()
            .enumerate()
            .fold(0, |bits, (at, verifier)| bits | u8::from(verifier.may_fall_behind(more_than_delta)) << at);
        if ledger.leases > 0 && !ledger.ahead {
            may_be_off |= Self::LEDGER;
        }
        actions.extend((0..2 * Self::LEDGER).filter(|off| off & !may_be_off == 0).map(|off| Action::Tick { off }));
    }

    fn next_state(&self, state: &Self::State, action: Action) -> Option<Self::State> {
        let mut next = state.clone();
        let State { ledger, verifiers, broken } = &mut next;
        match action {
            Action::Ask { verifier, first_sight } => {
                let Verifier { generation, messages, .. } = &mut verifiers[verifier];
                let lease = Countdown { left: self.usable(), behind: false };
                messages.push(Message { tells_changes: generation.is_some(), first_sight, answered: None, lease });
                messages.sort_unstable();
            }
            Action::Answer { verifier, message } => {
                let Verifier { messages, .. } = &mut verifiers[verifier];
                messages[message].answered = Some(ledger.generation);
                messages.sort_unstable();
                ledger.grant();
            }
            Action::Deliver { verifier, message } => {
                let message = verifiers[verifier].messages.remove(message);
                let generation = message.answered?;
                let taken = self.deliver(&mut verifiers[verifier], message, generation);
                let is_over = |token: usize| matches!(ledger.tokens[token], Token::Revoked { at, passes_for: 0 } if generation < at);
                *broken = taken && message.first_sight.is_some_and(is_over);
            }
            Action::Lose { verifier, message } => drop(verifiers[verifier].messages.remove(message)),
            Action::ReadRegistry { verifier, token } => verifiers[verifier].held[token] = Some(0),
            Action::Revoke { token, wait } => {
                ledger.generation += 1;
                let margin = if self.has(Rule::WaitsAllowForClocks) { DELTA } else { 0 };
                let passes_for = if wait { LEASE.min(ledger.leases + margin) } else { LEASE };
                ledger.tokens[token] = Token::Revoked { at: ledger.generation, passes_for };
            }
            Action::Tick { off } => {
                for (at, verifier) in verifiers.iter_mut().enumerate() {
                    verifier.tick(off & 1 << at != 0);
                }
                ledger.tick(off & Self::LEDGER != 0);
            }
            Action::AnswerOthers => ledger.grant(),
            // Responses under way to it are lost.
            Action::CrashVerifier(verifier) => verifiers[verifier] = Verifier::default(),
            Action::CrashLedger { late } if self.has(Rule::RestartsGoByTheDisk) => {
                ledger.leases = LEASE.min(ledger.leases + late);
            }
            Action::CrashLedger { .. } => (ledger.leases, ledger.ahead) = (0, false),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(PROMISE, |protocol: &Self, state: &Self::State| {
                !state.broken && !protocol.one_passes(state, 0)
            }),
            Property::sometimes("a live token passes", |protocol: &Self, state: &Self::State| {
                protocol.passes(&state.ledger, &state.verifiers[0], 0) && state.ledger.generation == 0
            }),
            Property::sometimes(
                "a revoked token passes until the last tick",
                |protocol: &Self, state: &Self::State| protocol.one_passes(state, 1),
            ),
        ]
    }
}

/// The identities of verifiers and of tokens make no difference.
impl<const VERIFIERS: usize> Representative for State<VERIFIERS> {
    fn representative(&self) -> Self {
        let mut same = self.clone();
        same.verifiers.sort_unstable();
        let mut swapped = self.clone();
        swapped.ledger.tokens.reverse();
        for verifier in &mut swapped.verifiers {
            verifier.held.reverse();
            for message in &mut verifier.messages {
                message.first_sight = message.first_sight.map(|token| 1 - token);
            }
            verifier.messages.sort_unstable();
        }
        swapped.verifiers.sort_unstable();
        same.min(swapped)
    }
}
