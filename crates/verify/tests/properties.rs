//! Properties of all scopes, IP ranges and records.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test")]

use counterfoil_verify::{
    AddressBlock, Answer, Encoded, OwnerRecord, RecordError, Scope, ScopePattern, ScopeSet, Timestamp, TokenRecord,
    WorkspaceRecord,
};
use proptest::{collection::vec, option, prelude::*};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Scopes over so few letters that they often cover each other.
fn scope() -> impl Strategy<Value = String> {
    "[ab](:[ab]|[.][ab]){0,2}"
}

fn pattern() -> impl Strategy<Value = ScopePattern> {
    prop_oneof![
        4 => scope(),
        3 => scope().prop_flat_map(|start| prop_oneof![Just(format!("{start}:*")), Just(format!("{start}.*"))]),
        1 => Just("*".to_owned()),
    ]
    .prop_map(|text| ScopePattern::parse(&text).unwrap())
}

fn set() -> impl Strategy<Value = ScopeSet> {
    vec(pattern(), 0..4).prop_map(ScopeSet::from)
}

/// All scopes over that alphabet, up to four segments long: one longer than patterns, so that wildcards make a
/// difference.
fn all_scopes() -> Vec<Scope> {
    let mut texts = vec!["a".to_owned(), "b".to_owned()];
    let mut last = texts.clone();
    for _ in 0..3 {
        last = last.iter().flat_map(|text| [":a", ":b", ".a", ".b"].map(|next| format!("{text}{next}"))).collect();
        texts.extend(last.clone());
    }
    texts.iter().map(|text| Scope::parse(text).unwrap()).collect()
}

/// The grammar, implemented independently.
fn is_scope(text: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    text.chars().count() <= 100 && text.replace('.', ":").split(':').all(is_segment)
}

fn address() -> impl Strategy<Value = IpAddr> {
    // Few bits set, so that ranges are often hit.
    prop_oneof![
        (any::<u32>(), 0..32u32).prop_map(|(bits, shift)| IpAddr::V4(Ipv4Addr::from(bits >> shift))),
        (any::<u128>(), 0..128u32).prop_map(|(bits, shift)| IpAddr::V6(Ipv6Addr::from(bits >> shift))),
    ]
}

/// The bits of an address, as a string of 0s and 1s.
fn bits(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("{:032b}", u32::from(v4)),
        IpAddr::V6(v6) => format!("{:0128b}", u128::from(v6)),
    }
}

fn block() -> impl Strategy<Value = (AddressBlock, IpAddr, usize)> {
    let network = |(address, length): (IpAddr, usize)| {
        let length = length.min(bits(address).len());
        let cleared =
            |bits: u128, width: usize| if length == 0 { 0 } else { bits >> (width - length) << (width - length) };
        let first = match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(u32::try_from(cleared(u32::from(v4).into(), 32)).unwrap().into()),
            IpAddr::V6(v6) => IpAddr::V6(cleared(v6.into(), 128).into()),
        };
        (first.to_canonical() == first).then(|| (format!("{first}/{length}").parse().unwrap(), first, length))
    };
    (address(), 0..=128usize).prop_filter_map("a mapped block is none", network)
}

fn token_record() -> impl Strategy<Value = TokenRecord> {
    let times = (option::of(any::<u64>()), option::of(any::<u64>()), option::of(any::<u64>()));
    let texts = ("[a-z_]{0,30}", ".{0,40}", option::of("[!-~]{1,20}"), option::of(".{0,100}"));
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let blocks = vec(block().prop_map(|(block, _, _)| block), 0..4);
    let flags = (any::<bool>(), any::<bool>(), option::of(any::<u8>()));
    (times, texts, numbers, set(), blocks, flags).prop_map(
        |((from, until, replaced), (id, name, client, metadata), numbers, scopes, addresses, flags)| TokenRecord {
            version: numbers.0,
            id: id.into(),
            number: numbers.1,
            owner: numbers.2,
            name: name.into(),
            client_id: client.map(Into::into),
            metadata: metadata.map(Into::into),
            scopes,
            issued: numbers.3,
            revoked: flags.0,
            enabled: flags.1,
            not_before: from.map(Timestamp),
            expires_at: until.map(Timestamp),
            replaced_until: replaced.map(Timestamp),
            addresses,
            rate_class: flags.2,
        },
    )
}

#[test]
fn record_with_unsorted_or_repeated_scopes_is_malformed() {
    let owner = |grants: ScopeSet| {
        OwnerRecord { version: 1, number: 1, id: "ada".into(), suspended: false, grants, revoked_before: 0 }.encode()
    };
    let pattern = |text| ScopePattern::parse(text).unwrap();
    let good = owner(ScopeSet::from(vec![pattern("b"), pattern("a")]));
    let with = |scopes: &[u8; 4]| {
        let at = good.windows(4).position(|window| window == b"\x01a\x01b").unwrap();
        OwnerRecord::decode(&[&good[..at], scopes, &good[at + 4..]].concat())
    };
    assert!(with(b"\x01a\x01b").is_ok());
    assert_eq!(with(b"\x01b\x01a"), Err(RecordError::Malformed));
    assert_eq!(with(b"\x01a\x01a"), Err(RecordError::Malformed));
}

proptest! {
    #[test]
    fn scope_parser_accepts_exactly_the_grammar(text in "[ab:.*_ -]{0,8}|[a:]{95,105}") {
        prop_assert_eq!(Scope::parse(&text).is_ok(), is_scope(&text));
        let is_pattern = is_scope(&text)
            || text == "*"
            || text.strip_suffix(":*").or(text.strip_suffix(".*"))
                .is_some_and(|start| is_scope(start) && text.chars().count() <= 100);
        prop_assert_eq!(ScopePattern::parse(&text).is_ok(), is_pattern);
    }

    #[test]
    fn scope_intersection_covers_exactly_what_both_sets_cover(a in set(), b in set()) {
        let both = a.intersection(&b);
        for scope in all_scopes() {
            prop_assert_eq!(both.covers(&scope), a.covers(&scope) && b.covers(&scope), "{}", scope);
        }
        prop_assert_eq!(&both, &b.intersection(&a));
    }

    #[test]
    fn covered_scope_pattern_covers_no_more_than_the_covering_one(a in pattern(), b in pattern()) {
        let contained = all_scopes().iter().all(|scope| !b.covers(scope) || a.covers(scope));
        prop_assert_eq!(a.covers_pattern(&b), contained, "{} over {}", a, b);
    }

    #[test]
    fn cidr_range_contains_the_addresses_with_its_prefix((block, first, length) in block(), address in address()) {
        let (network, bits) = (bits(first), bits(address));
        let inside = network.len() == bits.len() && network[..length] == bits[..length];
        prop_assert_eq!(block.contains(address), inside);
        prop_assert!(block.contains(first));
        prop_assert_eq!(block.to_string().parse(), Ok(block));
    }

    #[test]
    fn cidr_range_within_another_contains_no_more((a, _, _) in block(), (b, first, length) in block(), address in address()) {
        if a.contains_block(&b) {
            prop_assert!(a.contains(first));
            prop_assert!(!b.contains(address) || a.contains(address));
        }
        prop_assert!(b.contains_block(&b));
        if length > 0 && let Ok(wider) = format!("{first}/{}", length - 1).parse::<AddressBlock>() {
            prop_assert!(wider.contains_block(&b) && !b.contains_block(&wider));
        }
    }

    #[test]
    fn record_decodes_to_what_was_encoded(record in token_record()) {
        prop_assert_eq!(TokenRecord::decode(&record.encode()), Ok(record.clone()));
        let json = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<TokenRecord>(&json).unwrap(), record);
    }

    #[test]
    fn decoding_any_bytes_terminates_without_a_panic(bytes in vec(any::<u8>(), 0..200), kind in "[rowa]") {
        for bytes in [bytes.clone(), [&[1, kind.as_bytes()[0]], &bytes[..]].concat()] {
            let _ = TokenRecord::decode(&bytes);
            let _ = OwnerRecord::decode(&bytes);
            let _ = WorkspaceRecord::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }

    #[test]
    fn changed_record_bytes_are_rejected_or_canonical(record in token_record(), at in any::<usize>(), bit in 0..8u8) {
        let mut bytes = record.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(read) = TokenRecord::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes, "one record, one encoding");
        }
    }
}
