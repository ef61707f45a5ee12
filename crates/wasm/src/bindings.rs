//! The verifier as a JavaScript class.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{cell::Cell, mem, net::IpAddr, ptr};

use counterfoil_token::{SealKey, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Encoded as _, Grant, Limits, Need, Pending, Progress, Renewal, Supply, Timestamp,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    address, answer,
    contract::{ADDRESS_ROOM, BATCH, DemandFault, RENEWAL, SnapshotFault, TEXT_ROOM},
    demand::compile,
    frames,
    inspect::inspect,
    ring::Ring,
    snapshot,
    wiped::Wiped,
};

/// The buffer that JavaScript writes between calls.
#[repr(C)]
struct Input {
    text: [u8; TEXT_ROOM],
    address: [u8; ADDRESS_ROOM],
}

/// The buffer of a batch: JavaScript writes the token values and their lengths, the module the answers.
#[repr(C)]
struct Batch {
    answers: [u32; BATCH],
    lengths: [u16; BATCH],
    texts: [[u8; TEXT_ROOM]; BATCH],
}

/// How many decisions are held for [`details`](Verifier::details): the latest.
const DECISIONS: u32 = 256;

/// How many checks may be pending. Beyond that the oldest are dropped, so that a host that drops requests does not fill
/// the memory.
const WAITING: u32 = 4096;

/// How many different requirements may be compiled. A typical host has a few per route.
const DEMANDS: usize = 4096;

/// The last time that a JavaScript `Date` can represent, in milliseconds (ECMA-262, section 21.4.1.1).
const END_OF_TIME: f64 = 8.64e15;

/// The answer for a check that cannot be started or continued. It has no details.
const UNAVAILABLE: u32 = Code::Unavailable as u32;

/// Verifies tokens and caches records. One per isolate.
///
/// [`check`](Self::check) and [`supply`](Self::supply) return one number. Its low 7 bits are the code, or 0 if
/// something must be fetched first: see [`need`](Self::need). The next bit says that this request is to have a lease
/// renewed: see [`renew`](Self::renew). The upper 24 bits identify the check or the decision to the other methods,
/// which take the whole number.
#[wasm_bindgen]
pub struct Verifier {
    verifier: counterfoil_verify::Verifier,
    input: Box<Cell<Input>>,
    /// Allocated for the first batch.
    batch: Option<Box<Cell<Batch>>>,
    bytes: Wiped,
    /// Compiled requirements; the address is set by each check.
    demands: Vec<Demand>,
    progresses: Progresses,
    /// The ledger's response that was supplied last, as bytes and decoded: each check of a batch is supplied the same.
    answer: Option<(Wiped, Answered)>,
}

/// The latest decisions and pending checks, by their numbers.
struct Progresses {
    waiting: Ring<Waiting, WAITING>,
    decisions: Ring<Decision, DECISIONS>,
}

/// A pending check or renewal.
enum Waiting {
    Check { pending: Pending, demand: u32, address: Option<IpAddr> },
    Renewal(Renewal),
}

/// A ledger's response of either kind.
enum Answered {
    Records(Answer),
    Lease(Grant),
}

#[wasm_bindgen]
impl Verifier {
    /// A verifier with an empty cache of about `memory` bytes for records and segments, 16 MiB if 0. `segments` says
    /// whether it loads them.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(memory: usize, segments: bool) -> Self {
        let mut limits = Limits { count_uses: true, segments, ..Limits::default() };
        if memory > 0 {
            limits.memory = memory;
        }
        Self {
            verifier: counterfoil_verify::Verifier::new(limits),
            input: Box::new(Cell::new(Input { text: [0; TEXT_ROOM], address: [0; ADDRESS_ROOM] })),
            batch: None,
            bytes: Wiped::default(),
            demands: Vec::new(),
            progresses: Progresses { waiting: Ring::new(), decisions: Ring::new() },
            answer: None,
        }
    }

    /// The address of the input buffer in the module's memory: 513 bytes for a token, then 63 for an address.
    #[must_use]
    pub fn input(&self) -> *const u8 {
        self.input.as_ptr().cast_const().cast()
    }

    /// Allocates the buffer whose content the next call takes, and returns its address; 0 if there is no memory for it.
    pub fn room(&mut self, length: usize) -> *mut u8 {
        match Wiped::zeros(length) {
            Some(bytes) => self.bytes = bytes,
            None => {
                self.bytes = Wiped::default();
                return ptr::null_mut();
            }
        }
        self.bytes.as_mut_ptr()
    }

    /// Compiles the requirement in that buffer. Returns the number to pass to [`check`](Self::check), from 1 up; equal
    /// requirements have the same. One item per line, and its first character says what it is: see
    /// [`DemandLine`](crate::contract::DemandLine).
    ///
    /// A negative number is an error: see [`DemandFault`].
    pub fn demand(&mut self) -> i32 {
        match compile(&mem::take(&mut self.bytes)) {
            Err(refused) => refused as i32,
            Ok(demand) => match self.demands.iter().position(|known| *known == demand) {
                Some(at) => at as i32 + 1,
                None if self.demands.len() < DEMANDS => {
                    self.demands.push(demand);
                    self.demands.len() as i32
                }
                None => DemandFault::TooManyDemands as i32,
            },
        }
    }

    /// Sets the keys of a workspace's authentication tags. The buffer contains the workspace's key, 6 bytes, and the
    /// tag keys, 32 bytes each, the current one first. Returns false if the content is not that.
    pub fn trust_seal_keys(&mut self, now: f64) -> bool {
        let bytes = mem::take(&mut self.bytes);
        let Some((workspace, keys)) = bytes.split_at_checked(6) else { return false };
        let workspace = core::str::from_utf8(workspace).map(WorkspaceKey::parse);
        let (keys, rest) = keys.as_chunks();
        let (Ok(Ok(workspace)), [], Some(now)) = (workspace, rest, time(now)) else { return false };
        self.verifier.trust_seal_keys(workspace, keys.iter().map(|key| SealKey::from_bytes(*key)).collect(), now);
        true
    }

    /// Loads the snapshot in the buffer, for requirements with that freshness. A later one of the same workspace that
    /// was loaded before is kept.
    ///
    /// **The host must have verified its signature**: Ed25519 (RFC 8032) over the first 56 bytes, in the 64 that
    /// follow, by a snapshot key of the expected workspace, which it obtained beforehand and not with the file. It is
    /// not verified here: without that step, anyone could decide which tokens are valid.
    ///
    /// Returns 0 if it was loaded; a negative number is an error: see [`SnapshotFault`].
    pub fn load(&mut self, now: f64) -> i32 {
        let file = mem::take(&mut self.bytes);
        match time(now).ok_or(SnapshotFault::Expired).and_then(|now| snapshot::open(&file, now)) {
            Err(untaken) => untaken as i32,
            Ok(snapshot) => {
                self.verifier.load(snapshot);
                0
            }
        }
    }

    /// The format of the token value in the buffer, as JSON.
    pub fn inspect(&mut self) -> String {
        inspect(&mem::take(&mut self.bytes))
    }

    /// Verifies the token value in the first `text` bytes of the input buffer, for a client whose address has `address`
    /// bytes there; none if 0. An invalid address counts as none: a token that is bound to addresses is then rejected.
    pub fn check(&mut self, text: usize, address: usize, demand: u32, now: f64) -> u32 {
        let input = self.input.get_mut();
        let address = input.address.get(..address).and_then(address::parse);
        let Some(text) = input.text.get_mut(..text) else { return UNAVAILABLE };
        let progress = match (compiled(&mut self.demands, demand), time(now)) {
            (Some(compiled), Some(now)) => {
                compiled.address = address;
                let progress = self.verifier.check(text, compiled, now);
                compiled.address = None;
                Some(progress)
            }
            _ => None,
        };
        // The buffer outlives the call, so the compiler cannot remove this.
        text.fill(0);
        progress.map_or(UNAVAILABLE, |progress| self.progresses.number(progress, demand, address))
    }

    /// The address of the buffer of a batch: 64 answers of 4 bytes, 64 lengths of 2 bytes, and 513 bytes for each token
    /// value.
    pub fn batch(&mut self) -> *const u8 {
        let empty = || Batch { answers: [0; BATCH], lengths: [0; BATCH], texts: [[0; TEXT_ROOM]; BATCH] };
        self.batch.get_or_insert_with(|| Box::new(Cell::new(empty()))).as_ptr().cast_const().cast()
    }

    /// Verifies the first `count` token values of the batch, as [`check`](Self::check) does, and writes the answers.
    pub fn check_all(&mut self, count: usize, address: usize, demand: u32, now: f64) {
        let Self { verifier, input, batch, demands, progresses, .. } = self;
        let Some(Batch { answers, lengths, texts }) = batch.as_deref_mut().map(Cell::get_mut) else { return };
        let address = input.get_mut().address.get(..address).and_then(address::parse);
        // No answer of an earlier batch is left.
        answers.fill(UNAVAILABLE);
        if let (Some(compiled), Some(now)) = (compiled(demands, demand), time(now)) {
            compiled.address = address;
            let mut given = texts.iter().zip(&*lengths).map(|(text, length)| text.get(..usize::from(*length)));
            let mut given = || given.next().flatten().unwrap_or_default();
            let mut answers = answers.iter_mut();
            let mut answer = |progress| {
                if let Some(answer) = answers.next() {
                    *answer = progresses.number(progress, demand, address);
                }
            };
            let count = count.min(BATCH);
            for _ in 0..count / 4 {
                verifier.check_four([given(), given(), given(), given()], compiled, now, &mut answer);
            }
            for _ in 0..count % 4 {
                answer(verifier.check(given(), compiled, now));
            }
            compiled.address = None;
        }
        for (text, length) in texts.iter_mut().zip(lengths) {
            if let Some(text) = text.get_mut(..usize::from(mem::take(length))) {
                text.fill(0);
            }
        }
    }

    /// Takes a random number, by which the back-off of this verifier differs from that of others.
    pub fn seed(&mut self, seed: u32) {
        self.verifier.seed(seed.into());
    }

    /// What the check needs, as JSON, to be fetched now; empty if it is not pending, or was dropped. A host that
    /// combines several questions passes their number as `together` for each of them.
    pub fn need(&mut self, number: u32, together: usize) -> String {
        let (code, at) = split(number);
        match self.progresses.waiting.get_mut(at).filter(|_| code == 0) {
            Some(Waiting::Check { pending, .. }) => {
                self.verifier.asking(pending, together);
                answer::need(pending.need())
            }
            Some(Waiting::Renewal(renewal)) => answer::lease(renewal.question()),
            None => String::new(),
        }
    }

    /// Begins to renew the lease on which that decision relied, if the decision says that a renewal is due.
    /// [`need`](Self::need) says what to fetch, and [`supply`](Self::supply) takes it; its result is to be ignored.
    /// Returns 0 if there is nothing to renew.
    pub fn renew(&mut self, number: u32, now: f64) -> u32 {
        let (_, at) = split(number);
        let due = self.progresses.decisions.get(at).filter(|decision| number & RENEWAL != 0 && decision.renewal_due);
        let workspace = due.and_then(|decision| Some(decision.known.as_ref()?.workspace()));
        match (workspace, time(now)) {
            (Some(workspace), Some(now)) => {
                self.progresses.waiting.put(Waiting::Renewal(self.verifier.renewal(workspace, now))) << 8
            }
            _ => 0,
        }
    }

    /// Continues a pending check. The buffer contains the fetched values, in the requested order, each as its length
    /// (32 bits, little-endian; all ones if absent) and its bytes; it is empty if they could not be fetched.
    pub fn supply(&mut self, number: u32, now: f64) -> u32 {
        // A response of the ledger contains tag keys, so it is wiped like the token.
        let bytes = mem::take(&mut self.bytes);
        let (0, at) = split(number) else { return UNAVAILABLE };
        let (Some(waiting), Some(now)) = (self.progresses.waiting.take(at), time(now)) else { return UNAVAILABLE };
        let frames = frames::read(&bytes);
        let (pending, demand, address) = match waiting {
            Waiting::Check { pending, demand, address } => (pending, demand, address),
            Waiting::Renewal(renewal) => {
                let grant = frames.first().and_then(|frame| Grant::decode((*frame)?).ok());
                self.verifier.renew(&renewal, grant.as_ref(), now);
                return UNAVAILABLE;
            }
        };
        let Some(compiled) = compiled(&mut self.demands, demand) else { return UNAVAILABLE };
        compiled.address = address;
        let values: Vec<_>;
        let supply = match (pending.need(), frames.as_slice()) {
            (Need::Registry(_), frames) => {
                values = frames.iter().map(|frame| frame.map(Vec::from)).collect();
                Supply::Registry(&values)
            }
            (Need::Wait(..), _) => Supply::Waited,
            (_, [Some(frame)]) => {
                if self.answer.as_ref().is_none_or(|(held, _)| **held != **frame) {
                    let answer = Answer::decode(frame).map(Answered::Records);
                    let answer = answer.or_else(|_| Grant::decode(frame).map(Answered::Lease));
                    self.answer = answer.ok().map(|answer| (Wiped::copy(frame), answer));
                }
                match &self.answer {
                    Some((_, Answered::Records(answer))) => Supply::Ledger(answer),
                    Some((_, Answered::Lease(grant))) => Supply::Lease(grant),
                    None => Supply::Unavailable,
                }
            }
            _ => Supply::Unavailable,
        };
        let progress = self.verifier.supply(pending, compiled, supply, now);
        compiled.address = None;
        self.progresses.number(progress, demand, address)
    }

    /// A full decision as JSON; empty if it is not among the last 256, or its records are not cached any more. Of a token
    /// that has changed since, the data are the newer ones.
    pub fn details(&mut self, number: u32) -> String {
        let (code, at) = split(number);
        let Some(decision) = self.progresses.decisions.get_mut(at) else { return String::new() };
        self.verifier.complete(decision);
        if decision.code as u32 == code { answer::details(decision) } else { String::new() }
    }
}

impl Verifier {
    /// Fills the input buffer, as JavaScript does before a [`check`](Self::check).
    pub fn write(&mut self, text: &[u8], address: &[u8]) {
        let input = self.input.get_mut();
        input.text.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        input.address.iter_mut().zip(address).for_each(|(to, from)| *to = *from);
    }

    /// Fills the buffer of a batch, as JavaScript does before [`check_all`](Self::check_all).
    pub fn write_batch(&mut self, texts: &[&[u8]]) {
        let _ = self.batch();
        let Some(batch) = self.batch.as_deref_mut().map(Cell::get_mut) else { return };
        for ((to, length), from) in batch.texts.iter_mut().zip(&mut batch.lengths).zip(texts) {
            to.iter_mut().zip(*from).for_each(|(to, from)| *to = *from);
            *length = from.len() as u16;
        }
    }

    /// The answers of the last batch.
    #[must_use]
    pub fn answers(&mut self) -> Vec<u32> {
        self.batch.as_deref_mut().map(|batch| batch.get_mut().answers.to_vec()).unwrap_or_default()
    }

    /// Whether the input buffers contain nothing of a token.
    #[must_use]
    pub fn is_wiped(&mut self) -> bool {
        let texts = self.batch.as_deref_mut().map(|batch| batch.get_mut().texts.as_flattened()).unwrap_or_default();
        self.input.get_mut().text.iter().chain(texts).all(|byte| *byte == 0)
    }
}

impl Progresses {
    fn number(&mut self, progress: Progress, demand: u32, address: Option<IpAddr>) -> u32 {
        match progress {
            Progress::Decided(decision) => {
                let renewal = if decision.renewal_due { RENEWAL } else { 0 };
                decision.code as u32 | renewal | self.decisions.put(decision) << 8
            }
            Progress::Fetch(pending) => self.waiting.put(Waiting::Check { pending, demand, address }) << 8,
        }
    }
}

/// The requirement of that number. Number 0, which JavaScript passes for an undefined value, does not exist.
fn compiled(demands: &mut [Demand], number: u32) -> Option<&mut Demand> {
    demands.get_mut((number as usize).checked_sub(1)?)
}

/// A time from JavaScript; `None` if it is no valid `Date`, or before 1970.
fn time(now: f64) -> Option<Timestamp> {
    (0.0..=END_OF_TIME).contains(&now).then_some(Timestamp(now as u64))
}

/// The code and the ring-buffer number of an answer.
fn split(number: u32) -> (u32, u32) {
    (number & (RENEWAL - 1), number >> 8)
}
