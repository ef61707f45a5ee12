use proptest::{collection::vec, prelude::*};

use super::*;

/// 2027-01-15T08:00:00Z.
const BEGINNING: Timestamp = Timestamp(1_800_000_000_000);

fn workspace(number: u8) -> WorkspaceKey {
    WorkspaceKey::parse(&format!("00000{number}")).unwrap()
}

fn digest(number: usize) -> Digest {
    Digest::of(number.to_string().as_bytes())
}

fn sum(batch: &Batch) -> u64 {
    batch.reports.iter().flat_map(|(_, uses)| uses).map(|uses| u64::from(uses.count)).sum()
}

/// An isolate whose timers run out on time.
struct Isolate {
    counter: Counter,
    now: Timestamp,
    /// When each timer runs out.
    timers: Vec<(Timestamp, Timer)>,
    /// When each batch was taken.
    batches: Vec<(Timestamp, Batch)>,
    /// When the oldest use was counted that is not in a batch yet.
    oldest: Option<Timestamp>,
}

impl Isolate {
    fn new() -> Self {
        let (timers, batches) = (Vec::new(), Vec::new());
        Self { counter: Counter::default(), now: BEGINNING, timers, batches, oldest: None }
    }

    /// A request that uses a token.
    fn count(&mut self, workspace: WorkspaceKey, digest: Digest) {
        self.counter.count(workspace, digest, self.now);
        self.oldest.get_or_insert(self.now);
        self.answer();
    }

    /// The end of any request.
    fn answer(&mut self) {
        if let Some(timer) = self.counter.timer(self.now) {
            self.timers.push((self.now.plus(timer.delay()), timer));
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        let until = self.now.plus(milliseconds);
        while let Some(next) = self.timers.iter().position(|(at, _)| *at <= until) {
            // They run out in the order in which they were started, except for immediate ones.
            let next = self.timers.iter().position(|(_, timer)| timer.delay() == 0).unwrap_or(next);
            let (at, timer) = self.timers.remove(next);
            self.now = self.now.max(at);
            if let Some(batch) = self.counter.take(timer, self.now) {
                self.batches.push((self.now, batch));
                self.oldest = None;
            }
        }
        self.now = until;
    }

    /// Milliseconds from the start to each batch.
    fn taken(&self) -> Vec<u64> {
        self.batches.iter().map(|(at, _)| at.since(BEGINNING)).collect()
    }
}

#[test]
fn a_single_use_is_reported_after_25_seconds_and_only_once() {
    let mut isolate = Isolate::new();
    isolate.count(workspace(1), digest(1));
    isolate.wait(24_999);
    assert_eq!(isolate.batches, []);
    isolate.wait(1);
    let uses = vec![Uses { digest: digest(1), last_used_at: BEGINNING, count: 1 }];
    let batch = Batch { reports: vec![(workspace(1), uses)], dropped: 0 };
    assert_eq!(isolate.batches, [(BEGINNING.plus(25_000), batch)]);
    isolate.answer();
    assert_eq!(isolate.timers, [], "requests that use no token start no timer");
    isolate.wait(600_000);
    assert_eq!(isolate.batches.len(), 1);
}

#[test]
fn uses_within_a_second_of_a_timer_share_its_report() {
    let mut isolate = Isolate::new();
    isolate.count(workspace(1), digest(1));
    isolate.wait(999);
    isolate.count(workspace(1), digest(2));
    assert_eq!(isolate.timers.len(), 1);
    isolate.wait(60_000);
    assert_eq!(isolate.batches.iter().map(|(_, batch)| sum(batch)).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_busy_isolate_reports_once_a_minute() {
    let mut isolate = Isolate::new();
    for _ in 0..3_100 {
        isolate.count(workspace(1), digest(1));
        isolate.wait(100);
        assert!(isolate.timers.len() <= 25, "one per second");
    }
    assert_eq!(isolate.taken(), [60_000, 120_000, 180_000, 240_000, 300_000]);
    isolate.wait(25_000);
    assert_eq!(isolate.taken().last(), Some(&(309_000 + 25_000)), "the rest is reported once the isolate is idle");
    assert_eq!(isolate.batches.iter().map(|(_, batch)| sum(batch)).sum::<u64>(), 3_100);
}

#[test]
fn uses_on_different_days_are_counted_separately() {
    let mut isolate = Isolate::new();
    isolate.now = Timestamp(BEGINNING.0 / DAY * DAY + DAY - 1);
    let evening = isolate.now;
    isolate.count(workspace(1), digest(1));
    isolate.wait(1);
    isolate.count(workspace(1), digest(1));
    isolate.wait(30_000);
    let uses = |last_used_at| Uses { digest: digest(1), last_used_at, count: 1 };
    let (_, batch) = &isolate.batches[0];
    assert_eq!(batch.reports, [(workspace(1), vec![uses(evening), uses(evening.plus(1))])]);
}

#[test]
fn a_full_counter_reports_immediately_with_the_number_dropped() {
    let mut isolate = Isolate::new();
    for number in 0..CAPACITY + 3 {
        isolate.count(workspace(1), digest(number));
    }
    isolate.count(workspace(1), digest(0));
    let immediate = isolate.timers.iter().filter(|(_, timer)| timer.delay() == 0).count();
    assert_eq!((immediate, isolate.timers.len()), (1, 2));
    isolate.wait(0);
    let [(at, batch)] = &isolate.batches[..] else { panic!("{} batches", isolate.batches.len()) };
    assert_eq!((*at, batch.dropped, sum(batch)), (BEGINNING, 3, CAPACITY as u64 + 1));
    assert!(batch.reports.iter().all(|(_, uses)| uses.len() == REPORT), "within the ledger's limit");

    // A later use does not request an immediate report, and is reported by the first timer.
    isolate.count(workspace(1), digest(0));
    isolate.wait(60_000);
    assert_eq!(isolate.taken(), [0, 25_000]);
}

#[test]
fn a_lost_immediate_report_is_made_by_the_next_timer() {
    let mut isolate = Isolate::new();
    for number in 0..CAPACITY {
        isolate.count(workspace(1), digest(number));
    }
    isolate.timers.retain(|(_, timer)| timer.delay() > 0);
    isolate.wait(2_000);
    isolate.count(workspace(1), digest(CAPACITY));
    isolate.wait(60_000);
    assert_eq!(isolate.batches.iter().map(|(_, batch)| (sum(batch), batch.dropped)).collect::<Vec<_>>(), [(10_000, 1)]);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_reports() {
    let mut counter = Counter::default();
    for hours in (0..10_u64).rev() {
        let now = BEGINNING.plus(hours * 3_600_000);
        counter.count(workspace(1), digest(1), now);
        let timer = counter.timer(now).unwrap();
        assert!(counter.take(timer, now).is_some());
    }
    // The last use is the latest time that was seen.
    let mut counter = Counter::default();
    let (later, earlier) = (BEGINNING.plus(5), BEGINNING);
    counter.count(workspace(1), digest(1), later);
    counter.count(workspace(1), digest(1), earlier);
    let timer = counter.timer(earlier).unwrap();
    let batch = counter.take(timer, earlier).unwrap();
    assert_eq!(batch.reports[0].1, [Uses { digest: digest(1), last_used_at: later, count: 2 }]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_use_is_reported_exactly_once_within_a_minute(
        requests in vec((prop_oneof![0..100_u64, 0..2_000_u64, 0..40_000_u64], 1..3_u8, 0..4_usize, any::<bool>()), 1..200),
    ) {
        let mut isolate = Isolate::new();
        let mut counted = BTreeMap::new();
        for (gap, number, text, uses) in requests {
            isolate.wait(gap);
            if uses {
                isolate.count(workspace(number), digest(text));
                *counted.entry((workspace(number), digest(text))).or_insert(0_u32) += 1;
            } else {
                isolate.answer();
            }
            let waits = isolate.oldest.map_or(0, |oldest| isolate.now.since(oldest));
            prop_assert!(waits <= LATEST, "a use waits for {waits} ms");
        }
        isolate.wait(TIMER);
        prop_assert_eq!(isolate.oldest, None, "an idle isolate keeps nothing");
        for (_, batch) in &isolate.batches {
            prop_assert_eq!(batch.dropped, 0);
            for (workspace, report) in &batch.reports {
                prop_assert!((1..=REPORT).contains(&report.len()));
                for uses in report {
                    let left = counted.get_mut(&(*workspace, uses.digest)).unwrap();
                    prop_assert!(*left >= uses.count, "counted twice");
                    *left -= uses.count;
                }
            }
        }
        prop_assert!(counted.values().all(|left| *left == 0), "not reported");
    }
}
