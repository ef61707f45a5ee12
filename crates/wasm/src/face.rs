//! The verifier as a JavaScript class.

use core::{cell::Cell, net::IpAddr};

use counterfoil_token::{SealKey, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Encoded as _, Freshness, Limits, Need, Pending, Progress, Scope, Supply, Timestamp,
};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::{answer, frames, ring::Ring};

/// Room for a text in the input buffer: one byte more than the longest that can be a token, so that a longer one is
/// still seen to be too long.
const TEXT: usize = 513;

/// Room for a client's address behind it. The longest, an IPv4 address mapped into IPv6, has 45 characters.
const ADDRESS: usize = 63;

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
/// [`check`](Self::check) and [`supply`](Self::supply) answer one number. Its low 8 bits are the code, or 0 where
/// something must be fetched first: [`need`](Self::need) tells what. The upper 24 bits name the check or the decision to
/// the other methods, which take the number as it is.
#[wasm_bindgen]
pub struct Verifier {
    verifier: counterfoil_verify::Verifier,
    /// Written by JavaScript between calls: a text from the start, an address from `TEXT` on.
    input: Box<Cell<[u8; TEXT + ADDRESS]>>,
    demands: Vec<Demand>,
    waiting: Ring<Waiting>,
    decisions: Ring<Decision>,
}

/// A check that waits for what it asked for.
struct Waiting {
    pending: Pending,
    demand: u32,
    address: Option<IpAddr>,
}

#[wasm_bindgen]
impl Verifier {
    /// A verifier that knows nothing yet and holds about so many bytes of records; 16 MiB where not said.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(memory: Option<u32>) -> Self {
        let limits = Limits::default();
        let memory = memory.map_or(limits.memory, |bytes| bytes as usize);
        Self {
            verifier: counterfoil_verify::Verifier::new(Limits { memory, ..limits }),
            input: Box::new(Cell::new([0; TEXT + ADDRESS])),
            demands: Vec::new(),
            waiting: Ring::new(WAITING),
            decisions: Ring::new(DECISIONS),
        }
    }

    /// Where the input buffer begins in the module's memory: 513 bytes for a text, then 63 for an address.
    #[must_use]
    pub fn input(&self) -> *const u8 {
        self.input.as_ptr().cast_const().cast()
    }

    /// Compiles a demand: the number to pass to [`check`](Self::check). Equal demands have the same. Keys and scopes are
    /// separated by newlines, which neither may contain.
    ///
    /// A negative number says what is wrong: −1 no workspace, −2 not a workspace key, −3 not a scope, −4 not a
    /// freshness, −5 too many different demands.
    pub fn demand(&mut self, workspaces: &str, all_of: &str, any_of: &str, freshness: &str) -> i32 {
        match compile(workspaces, all_of, any_of, freshness) {
            Err(refused) => refused as i32,
            Ok(demand) => match self.demands.iter().position(|known| *known == demand) {
                Some(at) => at as i32,
                None if self.demands.len() < DEMANDS => {
                    self.demands.push(demand);
                    self.demands.len() as i32 - 1
                }
                None => Refused::TooMany as i32,
            },
        }
    }

    /// Tells the keys that seal a workspace's tokens, 32 bytes each, the current one first. False where that is not
    /// what was given.
    pub fn trust_seal_keys(&mut self, workspace: &str, keys: Box<[u8]>, now: f64) -> bool {
        let keys = Zeroizing::new(keys);
        let (keys, rest) = keys.as_chunks::<32>();
        let (Ok(workspace), [], Some(now)) = (WorkspaceKey::parse(workspace), rest, time(now)) else { return false };
        self.verifier.trust_seal_keys(workspace, keys.iter().map(|key| SealKey::from_bytes(*key)).collect(), now);
        true
    }

    /// Checks the text whose first `text` bytes are in the input buffer, for a client whose address has `address` bytes
    /// there; none where 0. What is no address counts as none: a token bound to addresses is then refused.
    pub fn check(&mut self, text: usize, address: usize, demand: u32, now: f64) -> u32 {
        let (text_input, address_input) = self.input.get_mut().split_at_mut(TEXT);
        let text = text_input.get_mut(..text.min(TEXT)).unwrap_or_default();
        let address = parse_address(address_input.get(..address).unwrap_or_default());
        let progress = match (self.demands.get_mut(demand as usize), time(now)) {
            (Some(compiled), Some(now)) => {
                compiled.address = address;
                Some(self.verifier.check(text, compiled, now))
            }
            _ => None,
        };
        // Not an optimisation's to leave out: the buffer outlives the call.
        text.fill(0);
        self.answer(progress, demand, address)
    }

    /// What the check waits for, as JSON; nothing where it waits for nothing, or was given up.
    #[must_use]
    pub fn need(&self, answer: u32) -> Option<String> {
        match split(answer) {
            (0, number) => self.waiting.get(number).map(|waiting| answer::need(waiting.pending.need())),
            _ => None,
        }
    }

    /// Goes on with a check that waits. The values fetched, in the order asked for, each as its length (32 bits,
    /// little-endian; all ones for a value that is not there) and its bytes; nothing at all where they could not be had.
    pub fn supply(&mut self, answer: u32, values: Box<[u8]>, now: f64) -> u32 {
        // An answer of the ledger brings seal keys.
        let values = Zeroizing::new(values);
        let (0, number) = split(answer) else { return UNAVAILABLE };
        let Some(Waiting { pending, demand, address }) = self.waiting.take(number) else { return UNAVAILABLE };
        let (Some(compiled), Some(now)) = (self.demands.get_mut(demand as usize), time(now)) else {
            return UNAVAILABLE;
        };
        compiled.address = address;
        let values = frames::read(&values).unwrap_or_default();
        let progress = match pending.need() {
            Need::Registry(_) => self.verifier.supply(pending, compiled, Supply::Registry(&values), now),
            Need::Ledger(_) => match values.first().and_then(|value| Answer::decode(value.as_deref()?).ok()) {
                Some(answer) => self.verifier.supply(pending, compiled, Supply::Ledger(&answer), now),
                None => self.verifier.supply(pending, compiled, Supply::Unavailable, now),
            },
        };
        self.answer(Some(progress), demand, address)
    }

    /// A decision in full, as JSON; nothing where it is not among the last 256.
    #[must_use]
    pub fn details(&self, answer: u32) -> Option<String> {
        let (code, number) = split(answer);
        self.decisions.get(number).filter(|decision| decision.code as u32 == code).map(answer::details)
    }
}

impl Verifier {
    /// What JavaScript does before a [`check`](Self::check): fills the input buffer.
    pub fn write(&mut self, text: &[u8], address: &[u8]) {
        let (text_input, address_input) = self.input.get_mut().split_at_mut(TEXT);
        text_input.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        address_input.iter_mut().zip(address).for_each(|(to, from)| *to = *from);
    }

    fn answer(&mut self, progress: Option<Progress>, demand: u32, address: Option<IpAddr>) -> u32 {
        match progress {
            None => UNAVAILABLE,
            Some(Progress::Decided(decision)) => decision.code as u32 | self.decisions.put(decision) << 8,
            Some(Progress::Fetch(pending)) => self.waiting.put(Waiting { pending, demand, address }) << 8,
        }
    }
}

/// Why a demand was refused.
#[derive(Clone, Copy)]
enum Refused {
    NoWorkspace = -1,
    NotAWorkspace = -2,
    NotAScope = -3,
    NotAFreshness = -4,
    TooMany = -5,
}

fn compile(workspaces: &str, all_of: &str, any_of: &str, freshness: &str) -> Result<Demand, Refused> {
    let workspaces = parse_lines(workspaces, WorkspaceKey::parse).ok_or(Refused::NotAWorkspace)?;
    let all_of = parse_lines(all_of, Scope::parse).ok_or(Refused::NotAScope)?;
    let any_of = parse_lines(any_of, Scope::parse).ok_or(Refused::NotAScope)?;
    let levels = [Freshness::Eventual, Freshness::Bounded, Freshness::Strong];
    let freshness =
        levels.into_iter().find(|level| answer::freshness(*level) == freshness).ok_or(Refused::NotAFreshness)?;
    let mut demand = Demand::of_any(workspaces).map_err(|_| Refused::NoWorkspace)?;
    (demand.all_of, demand.any_of, demand.freshness) = (all_of, any_of, freshness);
    Ok(demand)
}

fn parse_lines<T, E>(lines: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<Vec<T>> {
    if lines.is_empty() { Some(Vec::new()) } else { lines.split('\n').map(|line| parse(line).ok()).collect() }
}

fn parse_address(text: &[u8]) -> Option<IpAddr> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// JavaScript's time; `None` for what no `Date` can be, and for what lies before 1970.
fn time(now: f64) -> Option<Timestamp> {
    (0.0..=END_OF_TIME).contains(&now).then_some(Timestamp(now as u64))
}

fn split(answer: u32) -> (u32, u32) {
    (answer & 0xff, answer >> 8)
}
