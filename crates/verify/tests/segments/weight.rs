//! The size of a token in a segment, for a workspace of a million tokens.

use crate::world::key;
use counterfoil_token::Digest;
use counterfoil_verify::{
    AddressBlock, DigestPrefix, ScopePattern, ScopeSet, Segment, SegmentBuilder, SegmentHeader, Timestamp, TokenRecord,
};

/// The budget in bytes per token, including everything that a segment holds in memory.
const BUDGET: f64 = 32.0;

const TOKENS: u64 = 1_000_000;
const OWNERS: u64 = 10_000;
const SETS: u64 = 200;
/// 2027-01-01T00:00:00Z, and a year, in milliseconds.
const NOW: u64 = 1_798_761_600_000;
const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;

/// SplitMix64: the same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// The sets of scopes of the workspace's tokens: one to six scopes of its catalogue each.
fn sets(random: &mut Random) -> Vec<ScopeSet> {
    let areas = ["orders", "customers", "invoices", "shipments", "returns", "webhooks", "reports", "inventory"];
    let actions = ["read", "write", "delete", "export", "*"];
    let catalogue: Vec<_> = areas.iter().flat_map(|area| actions.map(|action| format!("{area}:{action}"))).collect();
    let mut pick = || ScopePattern::parse(&catalogue[random.below(40) as usize]).unwrap();
    let mut sets = std::collections::BTreeSet::new();
    while sets.len() < SETS as usize {
        let count = 1 + sets.len() % 6;
        sets.insert((0..count).map(|_| pick()).collect());
    }
    sets.into_iter().collect()
}

/// One of the segments of such a workspace: one token in so many falls into it.
fn segment(bits: u8, without_addresses: bool) -> Segment {
    let random = &mut Random(u64::from(bits));
    let sets = sets(random);
    let prefix = DigestPrefix::new(bits, (1 << bits) / 3).unwrap();
    let mut numbered: Vec<_> = (0..TOKENS >> bits)
        .map(|_| {
            let mut digest = [0; 32];
            digest.as_chunks_mut().0.iter_mut().for_each(|eight| *eight = random.next().to_be_bytes());
            let begin = u16::from_be_bytes([digest[0], digest[1]]) >> bits | prefix.value() << (16 - bits);
            digest[..2].copy_from_slice(&begin.to_be_bytes());
            (Digest::from_bytes(digest), 1 + random.below(TOKENS))
        })
        .collect();
    numbered.sort_unstable();
    let header =
        SegmentHeader { workspace: key(), generation: 5 * TOKENS, without_addresses, without_weak: false, prefix };
    let mut builder = SegmentBuilder::new(header);
    for (digest, number) in numbered {
        let expires_at = random.percent(70).then(|| Timestamp(NOW + random.below(YEAR)));
        let replaced_until = random.percent(1).then(|| Timestamp(NOW + random.below(YEAR / 52)));
        let mut block = || -> AddressBlock { format!("192.0.2.{}/32", random.below(256)).parse().unwrap() };
        let addresses = if number % 100 == 0 { vec![block(), block()] } else { vec![] };
        let token = TokenRecord {
            version: number,
            id: "".into(),
            number,
            owner: 1 + random.below(OWNERS),
            name: "".into(),
            client_id: None,
            metadata: None,
            scopes: sets[random.below(SETS) as usize].clone(),
            issued: number,
            revoked: random.percent(10),
            enabled: !random.percent(2),
            not_before: None,
            expires_at,
            replaced_until,
            addresses,
            rate_class: None,
        };
        builder.push(&digest, &token, 0).unwrap();
    }
    Segment::open(builder.finish()).unwrap()
}

#[test]
fn segment_size_per_token_stays_within_its_budget() {
    for (bits, tokens) in [(7, 7_812), (8, 3_906)] {
        for without_addresses in [false, true] {
            let segment = segment(bits, without_addresses);
            assert_eq!(segment.len(), tokens);
            let per_token = |bytes: usize| bytes as f64 / segment.len() as f64;
            let (stored, held) = (per_token(segment.bytes().len()), per_token(segment.size()));
            println!(
                "{} tokens, {} addresses: {stored:.2} bytes a token in the file, {held:.2} in memory",
                segment.len(),
                if without_addresses { "without" } else { "with" },
            );
            assert!(held <= BUDGET && stored < held, "{stored} {held}");
        }
    }
}
