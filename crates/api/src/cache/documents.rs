//! Caches the documents of identity providers, and coordinates the requests that fetch them.
//!
//! Anybody can cause a request to a provider, by beginning to sign in or by presenting a token. So responses are cached,
//! failures too, and **an isolate fetches no document more often than once a second**, whatever happens. Requests
//! coordinate only through this cache: a request never awaits another's promise, which on Workers may never settle, but
//! polls. For the same reason there are no counters that a request would have to decrement: a request may be cancelled at
//! any point. Each limit is on what begins within a second.
//!
//! No document is used for longer than [`KEPT`]. If the clock is set back, all periods end.

use std::sync::Arc;

use counterfoil_protocol::WebAddress;
use counterfoil_verify::Timestamp;

/// For how many milliseconds a document is used. A key that its provider withdrew may be accepted for as long.
const KEPT: u64 = 600_000;

/// After how many milliseconds a document is fetched again: as its `Cache-Control` says, within these limits; the upper
/// one if that says nothing. Until the new one arrives, the cached one is used.
const RENEWED: std::ops::RangeInclusive<u64> = 60_000..=300_000;

/// The least time between two requests for a document, in milliseconds.
const GAP: u64 = 1_000;

/// For how long a failure is cached, in milliseconds; doubled after each further one, up to the longest.
const PAUSE: u64 = 2_000;
const LONGEST_PAUSE: u64 = 8_000;

/// How often a document is fetched early because a token names a key that it lacks, in milliseconds.
const COOLDOWN: u64 = 30_000;

/// How many requests per second may begin to wait for one document. Others are told to retry.
const WAITING: u32 = 32;

/// The most documents of one kind in the cache.
const MOST: usize = 64;

/// The cache of documents of one kind.
pub(crate) struct Memory<T>(Vec<Known<T>>);

/// A document, and when it was fetched.
pub(crate) struct Dated<T> {
    pub(crate) what: T,
    pub(crate) came_at: Timestamp,
    renew_after: u64,
}

/// The cache's entry for one document.
struct Known<T> {
    address: WebAddress,
    document: Option<Arc<Dated<T>>>,
    asked_at: Timestamp,
    /// Whether the last request for it has completed.
    is_settled: bool,
    /// When it was last fetched early.
    hurried_at: Option<Timestamp>,
    failure: Option<Failure>,
    /// The begin of the current second, and how many requests have begun to wait in it.
    waiting: (Timestamp, u32),
}

struct Failure {
    at: Timestamp,
    pause: u64,
    why: Arc<str>,
}

/// What to do to get a document.
pub(crate) enum Found<T> {
    /// Use this.
    Known(Arc<Dated<T>>),
    /// Fetch it: the caller is the one to do so. If that fails, use this one.
    Ask(Option<Arc<Dated<T>>>),
    /// Poll again soon: another request is fetching it.
    Wait,
    /// Give up; a retry makes sense in so many milliseconds.
    Not { why: Arc<str>, again_in: u64 },
}

// Not derived: that would require documents that implement `Default`.
impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Memory<T> {
    /// What to do to get this document; if `newer` is given, a version that was fetched after that one.
    pub(crate) fn look(&mut self, address: &WebAddress, newer: Option<&Dated<T>>, now: Timestamp) -> Found<T> {
        let Some(known) = self.known(address, now) else {
            return Found::Not { why: "too many providers are asked at once".into(), again_in: GAP };
        };
        let document = known.document.clone().filter(|document| within(document.came_at, KEPT, now));
        let may_ask = !within(known.asked_at, GAP, now) && known.pause(now) == 0;
        match (document, newer) {
            (Some(document), Some(newer)) if document.came_at == newer.came_at => {
                if !known.is_settled && within(known.asked_at, GAP, now) {
                    return Found::Wait;
                }
                // A request that was cancelled while it fetched does not count as a fetch.
                let has_asked = known.is_settled && known.hurried_at.is_some_and(|at| within(at, COOLDOWN, now));
                if !may_ask || has_asked {
                    return Found::Known(document);
                }
                known.hurried_at = Some(now);
                known.ask(None, now)
            }
            (Some(document), _) if !may_ask || within(document.came_at, document.renew_after, now) => {
                Found::Known(document)
            }
            (document, _) if may_ask => known.ask(document, now),
            _ => match &known.failure {
                Some(failure) if known.pause(now) > 0 => {
                    Found::Not { why: failure.why.clone(), again_in: known.pause(now) }
                }
                _ => Found::Wait,
            },
        }
    }

    /// Whether one more request may wait for this document.
    pub(crate) fn may_wait(&mut self, address: &WebAddress, now: Timestamp) -> bool {
        let Some(known) = self.known(address, now) else { return false };
        let (since, count) = &mut known.waiting;
        if !within(*since, GAP, now) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= WAITING
    }

    /// Stores the response to a request. `max_age` is from its `Cache-Control`, in seconds.
    pub(crate) fn remember(
        &mut self,
        address: &WebAddress,
        what: T,
        max_age: Option<u64>,
        now: Timestamp,
    ) -> Arc<Dated<T>> {
        let (shortest, longest) = RENEWED.into_inner();
        let renew_after = max_age.map_or(longest, |seconds| seconds.saturating_mul(1_000).clamp(shortest, longest));
        let document = Arc::new(Dated { what, came_at: now, renew_after });
        if let Some(known) = self.known(address, now) {
            (known.document, known.is_settled, known.failure) = (Some(document.clone()), true, None);
        }
        document
    }

    /// Stores that a request failed, and why. Returns for how many milliseconds the document is not fetched.
    pub(crate) fn fail(&mut self, address: &WebAddress, why: &str, now: Timestamp) -> u64 {
        let Some(known) = self.known(address, now) else { return PAUSE };
        let before = known.failure.as_ref().map(|failure| failure.pause);
        let pause = before.map_or(PAUSE, |pause| (2 * pause).min(LONGEST_PAUSE));
        known.is_settled = true;
        known.failure = Some(Failure { at: now, pause, why: why.into() });
        pause
    }

    /// The document's entry. If the cache is full, the entry replaces one that may be fetched again now anyway, so
    /// forgetting it never allows an earlier fetch.
    fn known(&mut self, address: &WebAddress, now: Timestamp) -> Option<&mut Known<T>> {
        let place = match self.0.iter().position(|known| known.address == *address) {
            Some(place) => place,
            None => {
                let may_go = |known: &Known<T>| !within(known.asked_at, GAP, now) && known.pause(now) == 0;
                if self.0.len() >= MOST {
                    let candidates = self.0.iter().enumerate().filter(|(_, known)| may_go(known));
                    let (place, _) = candidates.min_by_key(|(_, known)| known.asked_at)?;
                    self.0.swap_remove(place);
                }
                self.0.push(Known::new(address.clone()));
                self.0.len() - 1
            }
        };
        self.0.get_mut(place)
    }
}

impl<T> Known<T> {
    fn new(address: WebAddress) -> Self {
        let never = Timestamp(0);
        Self {
            address,
            document: None,
            asked_at: never,
            is_settled: true,
            hurried_at: None,
            failure: None,
            waiting: (never, 0),
        }
    }

    fn ask(&mut self, fallback: Option<Arc<Dated<T>>>, now: Timestamp) -> Found<T> {
        (self.asked_at, self.is_settled) = (now, false);
        Found::Ask(fallback)
    }

    /// For how many more milliseconds the document is not fetched because the last request failed.
    fn pause(&self, now: Timestamp) -> u64 {
        self.failure
            .as_ref()
            .filter(|failure| within(failure.at, failure.pause, now))
            .map_or(0, |failure| failure.pause - now.since(failure.at))
    }
}

/// Whether less than so many milliseconds have passed.
fn within(from: Timestamp, milliseconds: u64, now: Timestamp) -> bool {
    from <= now && now.since(from) < milliseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn address(number: usize) -> WebAddress {
        WebAddress::parse(&format!("https://accounts{number}.example/keys")).unwrap()
    }

    fn says<T>(found: &Found<T>) -> &'static str {
        match found {
            Found::Known(_) => "known",
            Found::Ask(None) => "ask",
            Found::Ask(Some(_)) => "ask, and use it if that fails",
            Found::Wait => "wait",
            Found::Not { .. } => "not",
        }
    }

    #[test]
    fn a_document_is_asked_for_once_and_then_known() {
        let mut memory = Memory::default();
        let one = address(1);
        assert_eq!(says(&memory.look(&one, None, START)), "ask");
        assert_eq!(says(&memory.look(&one, None, START.plus(GAP - 1))), "wait");
        assert_eq!(says(&memory.look(&address(2), None, START)), "ask", "of another nobody has asked");
        memory.remember(&one, "a", Some(90), START);
        for (after, what) in [(0, "known"), (89_999, "known"), (90_000, "ask, and use it if that fails")] {
            assert_eq!(says(&memory.look(&one, None, START.plus(after))), what, "{after}");
        }
        assert_eq!(says(&memory.look(&one, None, START.plus(90_500))), "known", "while one asks the others use it");
        memory.fail(&one, "no answer", START.plus(91_000));
        assert_eq!(says(&memory.look(&one, None, START.plus(91_500))), "known", "and while it fails");
        assert_eq!(says(&memory.look(&one, None, START.plus(KEPT - 1))), "ask, and use it if that fails");
        assert_eq!(says(&memory.look(&one, None, START.plus(KEPT + GAP))), "ask", "its time is over");
    }

    #[test]
    fn what_a_provider_says_of_caching_counts_within_limits() {
        for (max_age, renewed_after) in
            [(None, 300_000), (Some(0), 60_000), (Some(61), 61_000), (Some(301), 300_000), (Some(u64::MAX), 300_000)]
        {
            let (mut memory, one) = (Memory::default(), address(1));
            memory.remember(&one, "a", max_age, START);
            assert_eq!(says(&memory.look(&one, None, START.plus(renewed_after - 1))), "known", "{max_age:?}");
            assert!(says(&memory.look(&one, None, START.plus(renewed_after))).starts_with("ask"), "{max_age:?}");
        }
    }

    #[test]
    fn a_failure_is_remembered_the_longer_the_more_there_were() {
        let (mut memory, one) = (Memory::<&str>::default(), address(1));
        let mut now = START;
        for pause in [2_000, 4_000, 8_000, 8_000] {
            assert_eq!(says(&memory.look(&one, None, now)), "ask");
            now = now.plus(GAP);
            memory.fail(&one, "no answer", now);
            let Found::Not { why, again_in } = memory.look(&one, None, now.plus(1)) else {
                panic!("it is asked again")
            };
            assert_eq!((&*why, again_in), ("no answer", pause - 1));
            now = now.plus(pause);
        }
        memory.remember(&one, "a", None, now);
        memory.fail(&one, "no answer", now);
        assert_eq!(says(&memory.look(&one, None, now.plus(KEPT))), "ask", "after a success they count anew");
    }

    #[test]
    fn for_an_unknown_key_it_is_asked_before_its_time_and_seldom() {
        let (mut memory, one) = (Memory::default(), address(1));
        let first = memory.remember(&one, "a", None, START);
        let mut now = START.plus(5_000);
        assert_eq!(says(&memory.look(&one, Some(&first), now)), "ask");
        assert_eq!(says(&memory.look(&one, Some(&first), now)), "wait", "it may be in what comes");
        assert_eq!(says(&memory.look(&one, None, now)), "known", "whose key is known does not wait");
        let second = memory.remember(&one, "b", None, now);
        let Found::Known(found) = memory.look(&one, Some(&first), now) else { panic!("it came") };
        assert_eq!(found.what, "b");
        for after in [0, 1_000, COOLDOWN - 1] {
            let found = memory.look(&one, Some(&second), now.plus(after));
            assert!(matches!(found, Found::Known(found) if found.what == "b"), "{after}");
        }
        now = now.plus(COOLDOWN);
        assert_eq!(says(&memory.look(&one, Some(&second), now)), "ask");
        assert_eq!(says(&memory.look(&one, Some(&second), now.plus(GAP))), "ask", "who asked is gone without a word");
        memory.fail(&one, "no answer", now.plus(GAP));
        assert_eq!(says(&memory.look(&one, Some(&second), now.plus(GAP + PAUSE))), "known");
    }

    #[test]
    fn few_wait() {
        let (mut memory, one) = (Memory::<&str>::default(), address(1));
        let waiting = |memory: &mut Memory<_>, now| (0..1_000).filter(|_| memory.may_wait(&one, now)).count();
        assert_eq!(waiting(&mut memory, START), WAITING as usize);
        assert_eq!(waiting(&mut memory, START.plus(GAP - 1)), 0);
        assert_eq!(waiting(&mut memory, START.plus(GAP)), WAITING as usize);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let (mut memory, one) = (Memory::<&str>::default(), address(1));
        assert_eq!(says(&memory.look(&one, None, START)), "ask");
        memory.fail(&one, "no answer", START);
        assert_eq!(says(&memory.look(&one, None, Timestamp(1_700_000_000_000))), "ask");
    }

    /// Whatever strangers and providers do, also if more providers are named than the cache holds.
    #[test]
    fn no_document_is_asked_for_twice_in_a_second() {
        let mut random = 1_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut memory = Memory::default();
        let mut asked: std::collections::BTreeMap<usize, Timestamp> = std::collections::BTreeMap::new();
        let (mut now, mut questions, mut refused) = (START, 0, 0);
        for _ in 0..200_000 {
            now = now.plus(draw(20));
            let number = usize::try_from(draw(100)).unwrap();
            let document = address(number);
            let newer = match memory.look(&document, None, now) {
                Found::Known(known) => Some(known),
                found => {
                    if matches!(found, Found::Not { .. }) {
                        refused += 1;
                    }
                    if matches!(found, Found::Ask(_)) {
                        let before = asked.insert(number, now);
                        assert!(before.is_none_or(|before| now.since(before) >= GAP), "{number}");
                        questions += 1;
                        match draw(3) {
                            0 => drop(memory.remember(&document, (), Some(draw(1_000)), now)),
                            1 => assert!(memory.fail(&document, "no answer", now) >= PAUSE),
                            _ => {} // The request was cancelled.
                        }
                    }
                    None
                }
            };
            if let Some(newer) = newer
                && matches!(memory.look(&document, Some(&newer), now), Found::Ask(_))
            {
                let before = asked.insert(number, now);
                assert!(before.is_none_or(|before| now.since(before) >= GAP), "{number}");
                questions += 1;
            }
            assert!(memory.0.len() <= MOST);
        }
        assert!(questions > 1_000 && refused > 1_000, "{questions} questions, {refused} refused");
    }
}
