//! Who asks a ledger now, and until when nobody is to: so that no failure feeds itself.
//!
//! A question that failed is a brake: nobody asks until a back-off is over, and then one does. How long that takes grows with
//! each failure in a row, and is different for each verifier, so that those of a whole fleet do not ask in step. A
//! question that is merely out brakes nobody: whoever it will do for waits for it, and so does whoever comes when too many are
//! out. What they wait to be told goes along with the next question.
//!
//! Nothing here is relied upon for a decision. If it is forgotten, one question more is asked. An asker may be gone without a
//! word, so a question counts as out for [`TURN`] only. All times end when the clock is set back: a brake is never longer
//! than it was meant to be.

use alloc::vec::Vec;

use counterfoil_token::{Digest, WorkspaceKey};

use crate::memory::{Moment, mix};

/// For how long a question counts as out, in milliseconds.
const TURN: u64 = 1_000;

/// Of the first back-off, the longest that it may be, in milliseconds; the shortest is two fifths of it. So of each.
const FIRST: u64 = 250;

/// How often it doubles: until it is 2 seconds at most.
const DOUBLINGS: u32 = 3;

/// The most texts that wait to be asked about.
const WAITING: usize = 400;

/// How questions to one ledger fare.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    out: Vec<Out>,
    /// When it became somebody's turn to renew the lease in the background, where that has not come to its end.
    turn: Option<Moment>,
    /// Texts that whoever asks next is to ask about.
    waiting: Vec<Digest>,
    /// How many questions failed in a row. Those that were out at once count once.
    failures: u32,
    /// The last question that there was when that was learned.
    failed: u32,
    failed_at: Moment,
    /// For how long nobody asks from then on, in milliseconds.
    pause: u64,
    /// The latest question that was answered.
    answered: u32,
}

/// A question that is out.
#[derive(Debug)]
struct Out {
    number: u32,
    asked_at: Moment,
    digests: Vec<Digest>,
}

/// Whether somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Now.
    Ask,
    /// When what is out was answered.
    Wait,
    /// The same, and what is out is what the first one asks after a failure.
    WaitForTrial,
    /// Not at all: it failed just now.
    Brake,
}

impl Asking {
    /// Whether to ask about this text. What `is_covered` is told by any answer.
    pub(crate) fn verdict(&self, digest: &Digest, is_covered: bool, at_once: usize, now: Moment) -> Verdict {
        if self.is_braked(now) {
            return Verdict::Brake;
        }
        if self.failures > 0 {
            return if self.is_tried(now) { Verdict::WaitForTrial } else { Verdict::Ask };
        }
        let mut out = self.out.iter().filter(|out| is_out(out.asked_at, now)).peekable();
        let is_told = is_covered && (out.peek().is_some() || self.is_renewed(now));
        if is_told || out.clone().any(|out| out.digests.contains(digest)) || out.count() >= at_once {
            return Verdict::Wait;
        }
        Verdict::Ask
    }

    /// Whether fewer are out than may be at once.
    pub(crate) fn has_room(&self, at_once: usize, now: Moment) -> bool {
        self.out.iter().filter(|out| is_out(out.asked_at, now)).count() < at_once
    }

    /// Whether the lease may be renewed in the background: nobody has lately begun to ask.
    pub(crate) fn is_free(&self, now: Moment) -> bool {
        !self.is_braked(now) && !self.is_renewed(now) && !self.out.iter().any(|out| is_out(out.asked_at, now))
    }

    /// The lease is about to be renewed.
    pub(crate) fn renew(&mut self, now: Moment) {
        self.turn = Some(now);
    }

    /// Something is asked that is no question for a lease: nobody else goes by its answer, but after a failure it tells all
    /// whether the ledger answers again.
    pub(crate) fn ask_alone(&mut self, number: u32, now: Moment) {
        if self.failures > 0 {
            self.out.retain(|out| is_out(out.asked_at, now));
            self.out.push(Out { number, asked_at: now, digests: Vec::new() });
        }
    }

    /// A question about this text is asked; it takes at most so many others along that wait. Those of one number are one
    /// question.
    pub(crate) fn ask(&mut self, number: u32, digest: Digest, room: usize, now: Moment) -> Vec<Digest> {
        self.out.retain(|out| is_out(out.asked_at, now));
        self.waiting.retain(|waiting| *waiting != digest);
        let others: Vec<_> = self.waiting.drain(..room.min(self.waiting.len())).collect();
        let digests = others.iter().copied().chain([digest]);
        match self.out.last_mut().filter(|out| out.number == number) {
            Some(out) => out.digests.extend(digests),
            None => self.out.push(Out { number, asked_at: now, digests: digests.collect() }),
        }
        others
    }

    /// Somebody waits to be told of this text.
    pub(crate) fn wait_for(&mut self, digest: Digest, now: Moment) {
        self.out.retain(|out| is_out(out.asked_at, now));
        let is_asked = self.out.iter().any(|out| out.digests.contains(&digest)) || self.waiting.contains(&digest);
        if !is_asked && self.waiting.len() < WAITING {
            self.waiting.push(digest);
        }
    }

    /// The question of that number is out no more.
    pub(crate) fn settle(&mut self, number: u32) {
        self.out.retain(|out| out.number != number);
    }

    /// So is the renewal.
    pub(crate) fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Nobody is to go by what is out: it was asked before something that must be known.
    pub(crate) fn forget_out(&mut self) {
        self.out.clear();
        self.turn = None;
    }

    /// The `nth` question was answered.
    pub(crate) fn succeed(&mut self, nth: u32) {
        self.failures = 0;
        self.answered = self.answered.max(nth);
    }

    /// The `nth` question failed, which is learned when there were `asked`. If a later one was answered meanwhile, or it was out
    /// already when the last one failed, it tells nothing new.
    pub(crate) fn fail(&mut self, nth: u32, asked: u32, now: Moment, jitter: u64) {
        if nth < self.answered || (self.failures > 0 && nth <= self.failed) {
            return;
        }
        let most = FIRST << self.failures.min(DOUBLINGS);
        let least = most * 2 / 5;
        self.failures = self.failures.saturating_add(1);
        (self.failed, self.failed_at) = (asked, now);
        self.pause = least + mix(jitter ^ u64::from(self.failures)) % (most - least + 1);
        self.turn = None;
        self.waiting.clear();
    }

    /// About how many bytes it occupies.
    pub(crate) fn size(&self) -> usize {
        let digests: usize = self.out.iter().map(|out| size_of::<Out>() + size_of_val(out.digests.as_slice())).sum();
        size_of::<Self>() + digests + size_of_val(self.waiting.as_slice())
    }

    fn is_braked(&self, now: Moment) -> bool {
        self.failures > 0 && self.pause > 0 && self.failed_at.is_recent(now, self.pause - 1)
    }

    /// Whether somebody has begun to ask since the last failure.
    fn is_tried(&self, now: Moment) -> bool {
        self.is_renewed(now) || self.out.iter().any(|out| out.number > self.failed && is_out(out.asked_at, now))
    }

    fn is_renewed(&self, now: Moment) -> bool {
        self.turn.is_some_and(|turn| is_out(turn, now))
    }
}

fn is_out(asked_at: Moment, now: Moment) -> bool {
    asked_at.is_recent(now, TURN - 1)
}

/// What tells verifiers of one workspace apart, and workspaces of one verifier.
pub(crate) fn jitter(seed: u64, workspace: WorkspaceKey) -> u64 {
    workspace.as_str().bytes().fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
}
