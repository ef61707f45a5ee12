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
const REFETCH_INTERVAL: u64 = 30_000;

/// How many requests per second may begin to wait for one document. Others are told to retry.
const WAITING: u32 = 32;

/// The most documents of one kind in the cache.
const MOST: usize = 64;

/// The cache of documents of one kind.
pub(crate) struct DocumentCache<T>(Vec<Entry<T>>);

/// A document, and when it was fetched.
pub(crate) struct CachedDocument<T> {
    pub(crate) what: T,
    pub(crate) fetched_at: Timestamp,
    renew_after: u64,
}

/// The cache's entry for one document.
struct Entry<T> {
    address: WebAddress,
    document: Option<Arc<CachedDocument<T>>>,
    requested_at: Timestamp,
    /// Whether the last request for it has completed.
    is_completed: bool,
    /// When it was last fetched early.
    refetched_at: Option<Timestamp>,
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
pub(crate) enum Lookup<T> {
    /// Use this.
    Cached(Arc<CachedDocument<T>>),
    /// Fetch it: the caller is the one to do so. If that fails, use this one.
    Fetch(Option<Arc<CachedDocument<T>>>),
    /// Poll again soon: another request is fetching it.
    Wait,
    /// Give up; a retry makes sense in so many milliseconds.
    Unavailable { why: Arc<str>, retry_in: u64 },
}

// Not derived: that would require documents that implement `Default`.
impl<T> Default for DocumentCache<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> DocumentCache<T> {
    /// What to do to get this document; if `newer` is given, a version that was fetched after that one.
    pub(crate) fn look_up(
        &mut self,
        address: &WebAddress,
        newer: Option<&CachedDocument<T>>,
        now: Timestamp,
    ) -> Lookup<T> {
        let Some(entry) = self.entry(address, now) else {
            return Lookup::Unavailable {
                why: "too many identity providers are being queried at once".into(),
                retry_in: GAP,
            };
        };
        let document = entry.document.clone().filter(|document| within(document.fetched_at, KEPT, now));
        let may_fetch = !within(entry.requested_at, GAP, now) && entry.pause(now) == 0;
        match (document, newer) {
            (Some(document), Some(newer)) if document.fetched_at == newer.fetched_at => {
                if !entry.is_completed && within(entry.requested_at, GAP, now) {
                    return Lookup::Wait;
                }
                // A request that was cancelled while it fetched does not count as a fetch.
                let was_refetched =
                    entry.is_completed && entry.refetched_at.is_some_and(|at| within(at, REFETCH_INTERVAL, now));
                if !may_fetch || was_refetched {
                    return Lookup::Cached(document);
                }
                entry.refetched_at = Some(now);
                entry.fetch(None, now)
            }
            (Some(document), _) if !may_fetch || within(document.fetched_at, document.renew_after, now) => {
                Lookup::Cached(document)
            }
            (document, _) if may_fetch => entry.fetch(document, now),
            _ => match &entry.failure {
                Some(failure) if entry.pause(now) > 0 => {
                    Lookup::Unavailable { why: failure.why.clone(), retry_in: entry.pause(now) }
                }
                _ => Lookup::Wait,
            },
        }
    }

    /// Whether one more request may wait for this document.
    pub(crate) fn may_wait(&mut self, address: &WebAddress, now: Timestamp) -> bool {
        let Some(entry) = self.entry(address, now) else { return false };
        let (since, count) = &mut entry.waiting;
        if !within(*since, GAP, now) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= WAITING
    }

    /// Stores the response to a request. `max_age` is from its `Cache-Control`, in seconds.
    pub(crate) fn store(
        &mut self,
        address: &WebAddress,
        what: T,
        max_age: Option<u64>,
        now: Timestamp,
    ) -> Arc<CachedDocument<T>> {
        let (shortest, longest) = RENEWED.into_inner();
        let renew_after = max_age.map_or(longest, |seconds| seconds.saturating_mul(1_000).clamp(shortest, longest));
        let document = Arc::new(CachedDocument { what, fetched_at: now, renew_after });
        if let Some(entry) = self.entry(address, now) {
            (entry.document, entry.is_completed, entry.failure) = (Some(document.clone()), true, None);
        }
        document
    }

    /// Stores that a request failed, and why. Returns for how many milliseconds the document is not fetched.
    pub(crate) fn fail(&mut self, address: &WebAddress, why: &str, now: Timestamp) -> u64 {
        let Some(entry) = self.entry(address, now) else { return PAUSE };
        let before = entry.failure.as_ref().map(|failure| failure.pause);
        let pause = before.map_or(PAUSE, |pause| (2 * pause).min(LONGEST_PAUSE));
        entry.is_completed = true;
        entry.failure = Some(Failure { at: now, pause, why: why.into() });
        pause
    }

    /// The document's entry. If the cache is full, the entry replaces one that may be fetched again now anyway, so
    /// forgetting it never allows an earlier fetch.
    fn entry(&mut self, address: &WebAddress, now: Timestamp) -> Option<&mut Entry<T>> {
        let place = match self.0.iter().position(|entry| entry.address == *address) {
            Some(place) => place,
            None => {
                let may_go = |entry: &Entry<T>| !within(entry.requested_at, GAP, now) && entry.pause(now) == 0;
                if self.0.len() >= MOST {
                    let candidates = self.0.iter().enumerate().filter(|(_, entry)| may_go(entry));
                    let (place, _) = candidates.min_by_key(|(_, entry)| entry.requested_at)?;
                    self.0.swap_remove(place);
                }
                self.0.push(Entry::new(address.clone()));
                self.0.len() - 1
            }
        };
        self.0.get_mut(place)
    }
}

impl<T> Entry<T> {
    fn new(address: WebAddress) -> Self {
        let never = Timestamp(0);
        Self {
            address,
            document: None,
            requested_at: never,
            is_completed: true,
            refetched_at: None,
            failure: None,
            waiting: (never, 0),
        }
    }

    fn fetch(&mut self, fallback: Option<Arc<CachedDocument<T>>>, now: Timestamp) -> Lookup<T> {
        (self.requested_at, self.is_completed) = (now, false);
        Lookup::Fetch(fallback)
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

    fn action<T>(found: &Lookup<T>) -> &'static str {
        match found {
            Lookup::Cached(_) => "cached",
            Lookup::Fetch(None) => "fetch",
            Lookup::Fetch(Some(_)) => "fetch, with a fallback",
            Lookup::Wait => "wait",
            Lookup::Unavailable { .. } => "unavailable",
        }
    }

    #[test]
    fn a_document_is_fetched_once_and_then_cached() {
        let mut cache = DocumentCache::default();
        let one = address(1);
        assert_eq!(action(&cache.look_up(&one, None, START)), "fetch");
        assert_eq!(action(&cache.look_up(&one, None, START.plus(GAP - 1))), "wait");
        assert_eq!(action(&cache.look_up(&address(2), None, START)), "fetch", "the other one was not requested before");
        cache.store(&one, "a", Some(90), START);
        for (after, what) in [(0, "cached"), (89_999, "cached"), (90_000, "fetch, with a fallback")] {
            assert_eq!(action(&cache.look_up(&one, None, START.plus(after))), what, "{after}");
        }
        assert_eq!(
            action(&cache.look_up(&one, None, START.plus(90_500))),
            "cached",
            "others use the cached one during a fetch"
        );
        cache.fail(&one, "no answer", START.plus(91_000));
        assert_eq!(action(&cache.look_up(&one, None, START.plus(91_500))), "cached", "and after a failed fetch");
        assert_eq!(action(&cache.look_up(&one, None, START.plus(KEPT - 1))), "fetch, with a fallback");
        assert_eq!(action(&cache.look_up(&one, None, START.plus(KEPT + GAP))), "fetch", "it has expired");
    }

    #[test]
    fn cache_control_of_a_provider_applies_within_limits() {
        for (max_age, renewed_after) in
            [(None, 300_000), (Some(0), 60_000), (Some(61), 61_000), (Some(301), 300_000), (Some(u64::MAX), 300_000)]
        {
            let (mut cache, one) = (DocumentCache::default(), address(1));
            cache.store(&one, "a", max_age, START);
            assert_eq!(action(&cache.look_up(&one, None, START.plus(renewed_after - 1))), "cached", "{max_age:?}");
            assert!(action(&cache.look_up(&one, None, START.plus(renewed_after))).starts_with("fetch"), "{max_age:?}");
        }
    }

    #[test]
    fn the_pause_after_failures_doubles_up_to_a_maximum() {
        let (mut cache, one) = (DocumentCache::<&str>::default(), address(1));
        let mut now = START;
        for pause in [2_000, 4_000, 8_000, 8_000] {
            assert_eq!(action(&cache.look_up(&one, None, now)), "fetch");
            now = now.plus(GAP);
            cache.fail(&one, "no answer", now);
            let Lookup::Unavailable { why, retry_in } = cache.look_up(&one, None, now.plus(1)) else {
                panic!("it is fetched again")
            };
            assert_eq!((&*why, retry_in), ("no answer", pause - 1));
            now = now.plus(pause);
        }
        cache.store(&one, "a", None, now);
        cache.fail(&one, "no answer", now);
        assert_eq!(action(&cache.look_up(&one, None, now.plus(KEPT))), "fetch", "a success resets the pause");
    }

    #[test]
    fn an_unknown_key_causes_an_early_fetch_at_a_limited_rate() {
        let (mut cache, one) = (DocumentCache::default(), address(1));
        let first = cache.store(&one, "a", None, START);
        let mut now = START.plus(5_000);
        assert_eq!(action(&cache.look_up(&one, Some(&first), now)), "fetch");
        assert_eq!(action(&cache.look_up(&one, Some(&first), now)), "wait", "the next version may have the key");
        assert_eq!(action(&cache.look_up(&one, None, now)), "cached", "a request whose key is cached does not wait");
        let second = cache.store(&one, "b", None, now);
        let Lookup::Cached(found) = cache.look_up(&one, Some(&first), now) else { panic!("it was fetched") };
        assert_eq!(found.what, "b");
        for after in [0, 1_000, REFETCH_INTERVAL - 1] {
            let found = cache.look_up(&one, Some(&second), now.plus(after));
            assert!(matches!(found, Lookup::Cached(found) if found.what == "b"), "{after}");
        }
        now = now.plus(REFETCH_INTERVAL);
        assert_eq!(action(&cache.look_up(&one, Some(&second), now)), "fetch");
        assert_eq!(
            action(&cache.look_up(&one, Some(&second), now.plus(GAP))),
            "fetch",
            "the earlier fetch was cancelled"
        );
        cache.fail(&one, "no answer", now.plus(GAP));
        assert_eq!(action(&cache.look_up(&one, Some(&second), now.plus(GAP + PAUSE))), "cached");
    }

    #[test]
    fn only_a_limited_number_of_requests_wait_for_a_document() {
        let (mut cache, one) = (DocumentCache::<&str>::default(), address(1));
        let waiting = |cache: &mut DocumentCache<_>, now| (0..1_000).filter(|_| cache.may_wait(&one, now)).count();
        assert_eq!(waiting(&mut cache, START), WAITING as usize);
        assert_eq!(waiting(&mut cache, START.plus(GAP - 1)), 0);
        assert_eq!(waiting(&mut cache, START.plus(GAP)), WAITING as usize);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_all_pauses() {
        let (mut cache, one) = (DocumentCache::<&str>::default(), address(1));
        assert_eq!(action(&cache.look_up(&one, None, START)), "fetch");
        cache.fail(&one, "no answer", START);
        assert_eq!(action(&cache.look_up(&one, None, Timestamp(1_700_000_000_000))), "fetch");
    }

    /// Whatever strangers and providers do, also if more providers are named than the cache holds.
    #[test]
    fn no_document_is_fetched_twice_within_a_second() {
        let mut random = 1_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut cache = DocumentCache::default();
        let mut asked: std::collections::BTreeMap<usize, Timestamp> = std::collections::BTreeMap::new();
        let (mut now, mut fetches, mut refused) = (START, 0, 0);
        for _ in 0..200_000 {
            now = now.plus(draw(20));
            let number = usize::try_from(draw(100)).unwrap();
            let document = address(number);
            let newer = match cache.look_up(&document, None, now) {
                Lookup::Cached(entry) => Some(entry),
                found => {
                    if matches!(found, Lookup::Unavailable { .. }) {
                        refused += 1;
                    }
                    if matches!(found, Lookup::Fetch(_)) {
                        let before = asked.insert(number, now);
                        assert!(before.is_none_or(|before| now.since(before) >= GAP), "{number}");
                        fetches += 1;
                        match draw(3) {
                            0 => drop(cache.store(&document, (), Some(draw(1_000)), now)),
                            1 => assert!(cache.fail(&document, "no answer", now) >= PAUSE),
                            _ => {} // The request was cancelled.
                        }
                    }
                    None
                }
            };
            if let Some(newer) = newer
                && matches!(cache.look_up(&document, Some(&newer), now), Lookup::Fetch(_))
            {
                let before = asked.insert(number, now);
                assert!(before.is_none_or(|before| now.since(before) >= GAP), "{number}");
                fetches += 1;
            }
            assert!(cache.0.len() <= MOST);
        }
        assert!(fetches > 1_000 && refused > 1_000, "{fetches} fetches, {refused} refused");
    }
}
