//! Whose turn it is to exchange a code: so many a second at each token endpoint, in the order in which they came.
//!
//! Whether a code is good only its provider knows, and anybody can invent one. Who comes while others are before them waits
//! for a moment that is theirs; where that would take too long, they are told to come again. One client address gets half of
//! the turns at most. A failure is not remembered: a stranger's code could bring it about, and keep others out by it.

use std::net::IpAddr;

use counterfoil_protocol::WebAddress;
use counterfoil_verify::{Allowance, Timestamp};

use crate::memory::network::network;

/// How far apart turns are in the long run, in milliseconds: ten a second.
const INTERVAL: u64 = 100;

/// By how much they may come early, in milliseconds: ten at once, where nobody came before.
const EARLY: u64 = 9 * INTERVAL;

/// How long anybody waits, in milliseconds: fifty do at most.
const PATIENCE: u64 = 5_000;

/// The most endpoints that are remembered.
const MOST: usize = 64;

/// How many turns one client address gets in a second, at all endpoints together.
const PER_ADDRESS: u32 = 5;

#[derive(Default)]
pub(crate) struct Turns {
    /// By endpoint, when the next turn would be, were none early.
    next: Vec<(WebAddress, Timestamp)>,
    by_address: Allowance<IpAddr>,
}

impl Turns {
    /// In how many milliseconds it is the turn of the client at this address; none where that is too long, or the address has
    /// had its share.
    pub(crate) fn take(&mut self, endpoint: &WebAddress, from: Option<IpAddr>, now: Timestamp) -> Option<u64> {
        // What is over tells nothing; nor does what cannot be, since the clock was set back.
        self.next.retain(|(_, next)| now < *next && next.since(now) <= EARLY + PATIENCE + INTERVAL);
        let place = match self.next.iter().position(|(known, _)| known == endpoint) {
            Some(place) => place,
            None if self.next.len() < MOST => {
                self.next.push((endpoint.clone(), now));
                self.next.len() - 1
            }
            None => return None,
        };
        let (_, next) = self.next.get_mut(place)?;
        let wait = next.since(now).saturating_sub(EARLY);
        // Addresses are counted only as long as there are turns: so no more are remembered than get one.
        let mut has_share = || from.is_none_or(|from| self.by_address.take(network(from), PER_ADDRESS, now));
        (wait <= PATIENCE && has_share()).then(|| {
            *next = next.plus(INTERVAL);
            wait
        })
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
    fn ten_go_at_once_and_ten_a_second_after_them_in_their_order() {
        let mut turns = Turns::default();
        let waits: Vec<_> = (0..100).map_while(|_| turns.take(&endpoint(1), None, START)).collect();
        let expected: Vec<u64> = [0; 9].into_iter().chain((0..=50).map(|turn| turn * INTERVAL)).collect();
        assert_eq!(waits, expected);
        assert_eq!(turns.take(&endpoint(1), None, START), None);
        assert_eq!(turns.take(&endpoint(2), None, START), Some(0), "another's are its own");
        assert_eq!(turns.take(&endpoint(1), None, START.plus(INTERVAL)), Some(PATIENCE));
        assert_eq!(turns.take(&endpoint(1), None, START.plus(60_000)), Some(0));
    }

    #[test]
    fn however_many_come_at_however_many_endpoints_each_has_twenty_in_its_worst_second() {
        let mut turns = Turns::default();
        let mut granted = vec![Vec::new(); 80];
        for tick in 0..20_000_u64 {
            // Ten thousand a second.
            let now = START.plus(tick / 10);
            let number = usize::try_from(tick % 80).unwrap();
            granted[number].extend(turns.take(&endpoint(number), None, now).map(|wait| now.plus(wait)));
            assert!(turns.next.len() <= MOST);
        }
        for times in granted {
            for (index, first) in times.iter().enumerate() {
                let in_a_second = times[index..].iter().take_while(|time| time.since(*first) < 1_000).count();
                assert!(in_a_second <= 20, "{in_a_second}");
            }
        }
    }

    #[test]
    fn one_address_gets_half_of_the_turns_and_leaves_the_rest_to_others() {
        let mut turns = Turns::default();
        let stranger = Some(IpAddr::from([192, 0, 2, 1]));
        let mut granted = 0;
        for tick in 0..10_000 {
            let now = START.plus(tick);
            granted += usize::from(turns.take(&endpoint(1), stranger, now).is_some());
            // Once a second somebody else signs in.
            if tick % 1_000 == 999 {
                assert_eq!(turns.take(&endpoint(1), Some(IpAddr::from([192, 0, 2, 2])), now), Some(0));
            }
        }
        assert_eq!(granted, 50);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let mut turns = Turns::default();
        while turns.take(&endpoint(1), None, START).is_some() {}
        assert_eq!(turns.take(&endpoint(1), None, Timestamp(1_700_000_000_000)), Some(0));
    }
}
