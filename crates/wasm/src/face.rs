//! The verifier as a JavaScript class.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{cell::Cell, mem, net::IpAddr, ptr};

use counterfoil_token::{SealKey, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Encoded as _, Grant, Limits, Need, Pending, Progress, Renewal, Supply, Timestamp,
};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::{
    address, answer,
    contract::{ADDRESS_ROOM, DemandFault, RENEWAL, SnapshotFault, TEXT_ROOM},
    demand::compile,
    frames,
    inspect::inspect,
    ring::Ring,
    snapshot,
};

/// What JavaScript writes between calls.
#[repr(C)]
struct Input {
    text: [u8; TEXT_ROOM],
    address: [u8; ADDRESS_ROOM],
}

/// How many decisions can be asked for their details: those made last.
const DECISIONS: u32 = 256;

/// How many checks may wait for what they asked for. Past that, those that have waited longest are given up, so a host
/// that drops requests does not fill the memory.
const WAITING: u32 = 4096;

/// How many different demands may be compiled. An honest host has a few per route.
const DEMANDS: usize = 4096;

/// The last instant that a JavaScript `Date` can tell, in milliseconds (ECMA-262, section 21.4.1.1).
const END_OF_TIME: f64 = 8.64e15;

/// The number for a check that cannot be made or gone on with. It has no details.
const UNAVAILABLE: u32 = Code::Unavailable as u32;

/// Checks tokens and remembers what it learned. One per isolate.
///
/// [`check`](Self::check) and [`supply`](Self::supply) answer one number. Its low 7 bits are the code, or 0 where
/// something must be fetched first: [`need`](Self::need) tells what. The next one says that it is this request's turn to
/// have a lease renewed: see [`renew`](Self::renew). The upper 24 bits name the check or the decision to the other methods,
/// which take the number as it is.
#[wasm_bindgen]
pub struct Verifier {
    verifier: counterfoil_verify::Verifier,
    input: Box<Cell<Input>>,
    bytes: Zeroizing<Vec<u8>>,
    /// Compiled; each check brings the address.
    demands: Vec<Demand>,
    waiting: Ring<Waiting, WAITING>,
    /// The ledger's answer that was supplied last, as it came and as it was read: each check of a batch is supplied the
    /// same.
    answer: Option<(Zeroizing<Vec<u8>>, Answered)>,
    decisions: Ring<Decision, DECISIONS>,
}

/// What waits for what it asked for.
enum Waiting {
    Check { pending: Pending, demand: u32, address: Option<IpAddr> },
    Renewal(Renewal),
}

/// What a ledger answers, of either kind.
enum Answered {
    Records(Answer),
    Lease(Grant),
}

#[wasm_bindgen]
impl Verifier {
    /// A verifier that knows nothing yet and holds about so many bytes of records and segments; 16 MiB where 0. Segments it
    /// loads where it is to.
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
            bytes: Zeroizing::default(),
            demands: Vec::new(),
            waiting: Ring::new(),
            answer: None,
            decisions: Ring::new(),
        }
    }

    /// Where the input buffer begins in the module's memory: 513 bytes for a text, then 63 for an address.
    #[must_use]
    pub fn input(&self) -> *const u8 {
        self.input.as_ptr().cast_const().cast()
    }

    /// Makes room for bytes that the next call takes, and says where. 0 where there is none: then nothing is taken.
    pub fn room(&mut self, length: usize) -> *mut u8 {
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(length).is_err() {
            self.bytes = Zeroizing::default();
            return ptr::null_mut();
        }
        bytes.resize(length, 0);
        self.bytes = Zeroizing::new(bytes);
        self.bytes.as_mut_ptr()
    }

    /// Compiles the demand in the room made: the number to pass to [`check`](Self::check), from 1 up. Equal demands
    /// have the same. One item a line, and its first character tells what it is: see [`DemandLine`](crate::contract::DemandLine).
    ///
    /// A negative number says what is wrong: see [`DemandFault`].
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

    /// Tells the keys that seal a workspace's tokens. In the room made are the workspace's key, 6 bytes, and the keys,
    /// 32 bytes each, the current one first. False where that is not what is there.
    pub fn trust_seal_keys(&mut self, now: f64) -> bool {
        let bytes = mem::take(&mut self.bytes);
        let Some((workspace, keys)) = bytes.split_at_checked(6) else { return false };
        let workspace = core::str::from_utf8(workspace).map(WorkspaceKey::parse);
        let (keys, rest) = keys.as_chunks();
        let (Ok(Ok(workspace)), [], Some(now)) = (workspace, rest, time(now)) else { return false };
        self.verifier.trust_seal_keys(workspace, keys.iter().map(|key| SealKey::from_bytes(*key)).collect(), now);
        true
    }

    /// Takes the snapshot in the room made, which is then gone by where a demand is of that freshness. A later one of the same
    /// workspace that was taken before stays.
    ///
    /// **The host must have verified its signature**: Ed25519 (RFC 8032) over the first 56 bytes, in the 64 that follow, by a
    /// snapshot key of the workspace that is meant, which it had before and did not get with the file. Here it is not looked
    /// at, so whoever leaves this out lets anybody say which tokens pass.
    ///
    /// 0 where it was taken, else a negative number says what is wrong: see [`SnapshotFault`].
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

    /// What the text in the room made looks like, as JSON.
    pub fn inspect(&mut self) -> String {
        inspect(&mem::take(&mut self.bytes))
    }

    /// Checks the text whose first `text` bytes are in the input buffer, for a client whose address has `address` bytes
    /// there; none where 0. What is no address counts as none: a token bound to addresses is then refused.
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
        // The buffer outlives the call, so no compiler may leave this out.
        text.fill(0);
        progress.map_or(UNAVAILABLE, |progress| self.number(progress, demand, address))
    }

    /// Takes a random number, so that this verifier goes back to a ledger that failed at another time than others do.
    pub fn seed(&mut self, seed: u32) {
        self.verifier.seed(seed.into());
    }

    /// What the check waits for, as JSON, to be asked now; empty where it waits for nothing, or was given up. A host that asks
    /// several questions as one says of each how many they are `together`.
    pub fn need(&mut self, number: u32, together: usize) -> String {
        let (code, at) = split(number);
        match self.waiting.get_mut(at).filter(|_| code == 0) {
            Some(Waiting::Check { pending, .. }) => {
                self.verifier.asking(pending, together);
                answer::need(pending.need())
            }
            Some(Waiting::Renewal(renewal)) => answer::lease(renewal.question()),
            None => String::new(),
        }
    }

    /// Begins to renew the lease under which that decision was made, where it is its request's turn: what it waits for is
    /// told by [`need`](Self::need), and handed in by [`supply`](Self::supply), whose answer is then of no account. 0 where
    /// there is nothing to renew.
    pub fn renew(&mut self, number: u32, now: f64) -> u32 {
        let (_, at) = split(number);
        let due = self.decisions.get(at).filter(|decision| number & RENEWAL != 0 && decision.renewal_due);
        let workspace = due.and_then(|decision| Some(decision.known.as_ref()?.facts().workspace.key));
        match (workspace, time(now)) {
            (Some(workspace), Some(now)) => {
                self.waiting.put(Waiting::Renewal(self.verifier.renewal(workspace, now))) << 8
            }
            _ => 0,
        }
    }

    /// Goes on with a check that waits. In the room made are the values fetched, in the order asked for, each as its
    /// length (32 bits, little-endian; all ones for a value that is not there) and its bytes; nothing at all where they
    /// could not be had.
    pub fn supply(&mut self, number: u32, now: f64) -> u32 {
        // An answer of the ledger brings seal keys: wiped like the text.
        let bytes = mem::take(&mut self.bytes);
        let (0, at) = split(number) else { return UNAVAILABLE };
        let (Some(waiting), Some(now)) = (self.waiting.take(at), time(now)) else { return UNAVAILABLE };
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
                if self.answer.as_ref().is_none_or(|(held, _)| held.as_slice() != *frame) {
                    let answer = Answer::decode(frame).map(Answered::Records);
                    let answer = answer.or_else(|_| Grant::decode(frame).map(Answered::Lease));
                    self.answer = answer.ok().map(|answer| (Zeroizing::new(frame.to_vec()), answer));
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
        self.number(progress, demand, address)
    }

    /// A decision in full, as JSON; empty where it is not among the last 256.
    #[must_use]
    pub fn details(&self, number: u32) -> String {
        let (code, at) = split(number);
        let decision = self.decisions.get(at).filter(|decision| decision.code as u32 == code);
        decision.map(answer::details).unwrap_or_default()
    }
}

impl Verifier {
    /// Fills the input buffer, as JavaScript does before a [`check`](Self::check).
    pub fn write(&mut self, text: &[u8], address: &[u8]) {
        let input = self.input.get_mut();
        input.text.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        input.address.iter_mut().zip(address).for_each(|(to, from)| *to = *from);
    }

    /// Whether nothing of a text is left in the input buffer.
    #[must_use]
    pub fn is_wiped(&mut self) -> bool {
        self.input.get_mut().text.iter().all(|byte| *byte == 0)
    }

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

/// The demand of that number. There is none of number 0, which is what JavaScript makes of a value forgotten.
fn compiled(demands: &mut [Demand], number: u32) -> Option<&mut Demand> {
    demands.get_mut((number as usize).checked_sub(1)?)
}

/// JavaScript's time; nothing for what no `Date` can be, and for what lies before 1970.
fn time(now: f64) -> Option<Timestamp> {
    (0.0..=END_OF_TIME).contains(&now).then_some(Timestamp(now as u64))
}

/// The code and the place in a ring that a number is made of.
fn split(number: u32) -> (u32, u32) {
    (number & (RENEWAL - 1), number >> 8)
}
