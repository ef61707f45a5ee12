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

use crate::{mix::mix, monotonic_time::MonotonicTime};

/// For how long a question counts as out, in milliseconds.
const TURN: u64 = 1_000;

/// Of the first back-off, the longest that it may be, in milliseconds; the shortest is two fifths of it. So of each.
const FIRST: u64 = 250;

/// How often it doubles: until it is 2 seconds at most.
const DOUBLINGS: u32 = 3;

/// While so many texts are asked about or wait, no more are taken down that wait: they are when they look again.
const WAITING: usize = 2_000;

/// How questions to one ledger fare.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    /// What is asked about, and what waits to be.
    texts: Vec<Text>,
    /// When it became somebody's turn to renew the lease in the background, where that has not come to its end; and whether that
    /// one has begun to.
    turn: Option<MonotonicTime>,
    has_begun: bool,
    /// How many questions failed in a row. Those that were out at once count once.
    failures: u32,
    /// The last question that there was when that was learned.
    failed: u32,
    failed_at: MonotonicTime,
    /// For how long nobody asks from then on, in milliseconds.
    pause: u64,
    /// The latest question that was answered.
    answered: u32,
}

/// A text that is asked about, or waits to be.
#[derive(Clone, Copy, Debug)]
struct Text {
    digest: Digest,
    /// The question that is out; 0 while it waits.
    number: u32,
    asked_at: MonotonicTime,
    /// Whether it is the first of its question, which is counted by it.
    is_first: bool,
}

/// What is out.
#[derive(Default)]
struct Out {
    questions: usize,
    /// Of them, whether there is one about the text, and one that was asked since the last failure.
    has_text: bool,
    is_tried: bool,
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
    pub(crate) fn verdict(&self, digest: &Digest, is_covered: bool, at_once: usize, now: MonotonicTime) -> Verdict {
        let out = self.out(digest, now);
        let is_renewed = self.has_begun && self.is_renewed(now);
        if self.is_braked(now) {
            Verdict::Brake
        } else if self.failures > 0 {
            if out.is_tried || is_renewed { Verdict::WaitForTrial } else { Verdict::Ask }
        } else if out.has_text || out.questions >= at_once || is_covered && (is_renewed || out.questions > 0) {
            Verdict::Wait
        } else {
            Verdict::Ask
        }
    }

    /// Whether fewer are out than may be at once.
    pub(crate) fn has_room(&self, digest: &Digest, at_once: usize, now: MonotonicTime) -> bool {
        self.out(digest, now).questions < at_once
    }

    /// Whether the lease may be renewed in the background: nobody has lately begun to ask.
    pub(crate) fn is_free(&self, now: MonotonicTime) -> bool {
        let is_out = self.texts.iter().any(|text| text.number > 0 && is_out(text.asked_at, now));
        !is_out && !self.is_braked(now) && !self.is_renewed(now)
    }

    /// The lease is about to be renewed, or is asked for.
    pub(crate) fn renew(&mut self, now: MonotonicTime, has_begun: bool) {
        (self.turn, self.has_begun) = (Some(now), has_begun);
    }

    /// A question about this text is asked; it takes at most so many others along that wait, which are put to `others`. Those of
    /// one number are one question.
    ///
    /// Nobody goes by the answer to one that is no question for a lease. But after a failure it tells all whether the ledger
    /// answers again.
    pub(crate) fn ask(
        &mut self,
        number: u32,
        digest: Digest,
        room: usize,
        now: MonotonicTime,
        others: &mut Vec<Digest>,
    ) {
        self.texts.retain(|text| match text.number {
            0 => text.digest != digest,
            _ => is_out(text.asked_at, now),
        });
        let is_first = !self.texts.iter().any(|text| text.number == number);
        for text in self.texts.iter_mut().filter(|text| text.number == 0).take(room) {
            (text.number, text.asked_at) = (number, now);
            others.push(text.digest);
        }
        self.texts.push(Text { digest, number, asked_at: now, is_first });
    }

    /// Whether a question that is not for a lease is to be told as well.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Somebody waits to be told of this text.
    pub(crate) fn wait_for(&mut self, digest: Digest, now: MonotonicTime) {
        self.texts.retain(|text| text.number == 0 || is_out(text.asked_at, now));
        let is_known = self.texts.iter().any(|text| text.digest == digest);
        if !is_known && self.texts.len() < WAITING {
            self.texts.push(Text { digest, number: 0, asked_at: now, is_first: false });
        }
    }

    /// The question of that number is out no more.
    pub(crate) fn settle(&mut self, number: u32) {
        self.texts.retain(|text| text.number != number);
    }

    /// So is the renewal.
    pub(crate) fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Nobody is to go by what is out: it was asked before something that must be known.
    pub(crate) fn forget_out(&mut self) {
        self.texts.clear();
        self.turn = None;
    }

    /// The `nth` question was answered.
    pub(crate) fn succeed(&mut self, nth: u32) {
        self.failures = 0;
        self.answered = self.answered.max(nth);
    }

    /// The `nth` question failed, which is learned when there were `asked`. If a later one was answered meanwhile, or it was out
    /// already when the last one failed, it tells nothing new.
    pub(crate) fn fail(&mut self, nth: u32, asked: u32, now: MonotonicTime, jitter: u64) {
        if nth < self.answered || (self.failures > 0 && nth <= self.failed) {
            return;
        }
        let most = FIRST << self.failures.min(DOUBLINGS);
        let least = most * 2 / 5;
        self.failures = self.failures.saturating_add(1);
        (self.failed, self.failed_at) = (asked, now);
        self.pause = least + mix(jitter ^ u64::from(self.failures)) % (most - least + 1);
        self.turn = None;
        self.texts.retain(|text| text.number > 0);
    }

    /// About how many bytes it occupies.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(self.texts.as_slice())
    }

    fn out(&self, digest: &Digest, now: MonotonicTime) -> Out {
        let mut out = Out::default();
        for text in self.texts.iter().filter(|text| text.number > 0 && is_out(text.asked_at, now)) {
            out.questions += usize::from(text.is_first);
            out.has_text |= text.digest == *digest;
            out.is_tried |= text.number > self.failed;
        }
        out
    }

    fn is_braked(&self, now: MonotonicTime) -> bool {
        self.failures > 0 && self.pause > 0 && self.failed_at.is_recent(now, self.pause - 1)
    }

    fn is_renewed(&self, now: MonotonicTime) -> bool {
        self.turn.is_some_and(|turn| is_out(turn, now))
    }
}

fn is_out(asked_at: MonotonicTime, now: MonotonicTime) -> bool {
    asked_at.is_recent(now, TURN - 1)
}

/// What tells verifiers of one workspace apart, and workspaces of one verifier.
pub(crate) fn jitter(seed: u64, workspace: WorkspaceKey) -> u64 {
    workspace.as_str().bytes().fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
}
