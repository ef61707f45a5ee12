//! Paces the exchange of authorization codes: a limited number per second at each token endpoint, first come, first
//! served.
//!
//! Only the provider knows whether a code is valid, and any client can invent one. A request waits for its slot; if that is
//! too far off, it is told to retry. One client address gets at most half of the slots. Failures are not cached: a
//! stranger could cause them with invented codes, and so keep others from signing in.

use std::net::IpAddr;

use counterfoil_protocol::WebAddress;
use counterfoil_verify::Timestamp;

use crate::cache::network::network;

/// The time between two slots at one endpoint, in milliseconds: ten per second.
const INTERVAL: u64 = 100;

/// The same for one client address, at all endpoints together: five per second.
const PER_ADDRESS: u64 = 2 * INTERVAL;

/// How many slots may be used in advance, in milliseconds: after a pause, ten at once at an endpoint and five from one
/// address.
const EARLY: u64 = 9 * INTERVAL;

/// The longest wait, in milliseconds: at most fifty requests wait at one endpoint, and twenty-five from one address.
const PATIENCE: u64 = 5_000;

/// The most endpoints, and the most addresses, that are tracked: as many addresses as can have slots at all endpoints.
const MOST: usize = 64;
const MOST_ADDRESSES: usize = 60 * MOST;

pub(crate) struct Pacer {
    endpoints: Schedule<WebAddress>,
    addresses: Schedule<IpAddr>,
}

/// For each key, when its next slot is due if none is used in advance.
struct Schedule<K> {
    interval: u64,
    most: usize,
    next: Vec<(K, Timestamp)>,
}

impl Default for Pacer {
    fn default() -> Self {
        Self { endpoints: Schedule::new(INTERVAL, MOST), addresses: Schedule::new(PER_ADDRESS, MOST_ADDRESSES) }
    }
}

impl Pacer {
    /// Reserves the next slot for the client at this address. Returns how long it must wait, in milliseconds; `None` if
    /// that is too long.
    pub(crate) fn reserve(&mut self, endpoint: &WebAddress, from: Option<IpAddr>, now: Timestamp) -> Option<u64> {
        let from = from.map(network);
        let own = from.map_or(Some(0), |from| self.addresses.wait(&from, now))?;
        let wait = self.endpoints.wait(endpoint, now)?.max(own);
        (wait <= PATIENCE).then(|| {
            self.endpoints.reserve(endpoint, now);
            if let Some(from) = from {
                self.addresses.reserve(&from, now);
            }
            wait
        })
    }
}

impl<K: PartialEq + Clone> Schedule<K> {
    const fn new(interval: u64, most: usize) -> Self {
        Self { interval, most, next: Vec::new() }
    }

    /// How long it is until the key's next slot, in milliseconds. `None` if there is no room to track the key.
    fn wait(&mut self, key: &K, now: Timestamp) -> Option<u64> {
        // Slots that have passed, or that are too far ahead because the clock was set back, no longer count.
        self.next.retain(|(_, next)| now < *next && next.since(now) <= EARLY + PATIENCE + self.interval);
        match self.next.iter().find(|(known, _)| known == key) {
            Some((_, next)) => Some(next.since(now).saturating_sub(EARLY)),
            None => (self.next.len() < self.most).then_some(0),
        }
    }

    /// Reserves that slot.
    fn reserve(&mut self, key: &K, now: Timestamp) {
        match self.next.iter_mut().find(|(known, _)| known == key) {
            Some((_, next)) => *next = next.plus(self.interval),
            None => self.next.push((key.clone(), now.plus(self.interval))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn endpoint(number: usize) -> WebAddress {
        WebAddress::parse(&format!("https://accounts{number}.example/token")).unwrap()
    }

    #[test]
    fn ten_exchanges_start_at_once_then_ten_per_second_in_order() {
        let mut pacer = Pacer::default();
        let waits: Vec<_> = (0..100).map_while(|_| pacer.reserve(&endpoint(1), None, START)).collect();
        let expected: Vec<u64> = [0; 9].into_iter().chain((0..=50).map(|slot| slot * INTERVAL)).collect();
        assert_eq!(waits, expected);
        assert_eq!(pacer.reserve(&endpoint(1), None, START), None);
        assert_eq!(pacer.reserve(&endpoint(2), None, START), Some(0), "endpoints are independent");
        assert_eq!(pacer.reserve(&endpoint(1), None, START.plus(INTERVAL)), Some(PATIENCE));
        assert_eq!(pacer.reserve(&endpoint(1), None, START.plus(60_000)), Some(0));
    }

    #[test]
    fn no_endpoint_gets_more_than_twenty_exchanges_within_a_second() {
        let mut pacer = Pacer::default();
        let mut granted = vec![Vec::new(); 80];
        for tick in 0..20_000_u64 {
            // Ten thousand per second.
            let now = START.plus(tick / 10);
            let number = usize::try_from(tick % 80).unwrap();
            granted[number].extend(pacer.reserve(&endpoint(number), None, now).map(|wait| now.plus(wait)));
            assert!(pacer.endpoints.next.len() <= MOST);
        }
        for times in granted {
            for (index, first) in times.iter().enumerate() {
                let in_a_second = times[index..].iter().take_while(|time| time.since(*first) < 1_000).count();
                assert!(in_a_second <= 20, "{in_a_second}");
            }
        }
    }

    #[test]
    fn one_client_address_gets_at_most_half_of_the_slots() {
        let mut pacer = Pacer::default();
        let stranger = Some(IpAddr::from([192, 0, 2, 1]));
        let mut granted = 0;
        for tick in 0..10_000 {
            let now = START.plus(tick);
            granted += usize::from(pacer.reserve(&endpoint(1), stranger, now).is_some());
            // Once a second another user signs in.
            if tick % 1_000 == 999 {
                let other = pacer.reserve(&endpoint(1), Some(IpAddr::from([192, 0, 2, 2])), now).unwrap();
                assert!(other <= 2_500, "{other}");
            }
        }
        assert!((50..=80).contains(&granted), "{granted}");
    }

    #[test]
    fn thirty_clients_behind_one_address_wait_at_most_five_seconds() {
        let mut pacer = Pacer::default();
        let office = Some(IpAddr::from([192, 0, 2, 1]));
        let waits: Vec<_> = (0..60).map_while(|_| pacer.reserve(&endpoint(1), office, START)).collect();
        assert_eq!((waits.len(), waits[..5].to_vec(), waits[29]), (30, vec![0; 5], 5_000 - INTERVAL));
    }

    #[test]
    fn many_addresses_get_at_most_twenty_exchanges_within_a_second() {
        let mut pacer = Pacer::default();
        let mut granted = Vec::new();
        for tick in 0..20_000_u64 {
            let from = IpAddr::from([192, 0, 2, u8::try_from(tick * tick % 7).unwrap()]);
            let now = START.plus(tick);
            granted.extend(pacer.reserve(&endpoint(1), Some(from), now).map(|wait| now.plus(wait).0));
        }
        granted.sort_unstable();
        for (index, first) in granted.iter().enumerate() {
            let in_a_second = granted[index..].iter().take_while(|time| **time - first < 1_000).count();
            assert!(in_a_second <= 20, "{in_a_second}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_frees_all_slots() {
        let mut pacer = Pacer::default();
        while pacer.reserve(&endpoint(1), None, START).is_some() {}
        assert_eq!(pacer.reserve(&endpoint(1), None, Timestamp(1_700_000_000_000)), Some(0));
    }
}
