//! The format, implemented independently from docs/format.md, to build files that the builder never would.

use crate::world::{Content, Issued, content, key, rebuilt};
use counterfoil_token::Digest;
use counterfoil_verify::{DigestPrefix, RecordError, Segment, SegmentHeader, Timestamp, TokenRecord};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The parts of a segment, each of which can be made wrong.
#[derive(Clone, Default)]
struct Parts {
    begin: Vec<u8>,
    generation: u64,
    flags: [u8; 2],
    bits: u8,
    prefix: u64,
    tokens: u64,
    /// The smallest number and the width of each column.
    columns: [(u64, u8); 3],
    patterns: Vec<String>,
    sets: Vec<Vec<u64>>,
    details: Vec<Vec<u8>>,
    end_width: u8,
    ends: Vec<u64>,
    entries: Vec<Parted>,
    widths: [u8; 2],
}

/// The parts of an entry: differences from the smallest, not numbers.
#[derive(Clone, Default)]
struct Parted {
    tail: Vec<u8>,
    flags: u8,
    number: u64,
    owner: u64,
    set: u64,
    expires: u64,
    details: u64,
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn low(number: u64, width: u8) -> Vec<u8> {
    number.to_le_bytes()[..width.into()].to_vec()
}

/// In bytes.
fn width(largest: u64) -> u8 {
    (0..=8).find(|width| u128::from(largest) < 1 << (8 * width)).unwrap()
}

fn option(number: Option<Timestamp>) -> Vec<u8> {
    number.map_or(vec![0], |number| [vec![1], varint(number.0)].concat())
}

impl Parts {
    fn file(&self) -> Vec<u8> {
        let mut file = self.begin.clone();
        file.extend(key().as_str().bytes());
        file.extend(varint(self.generation));
        file.extend(self.flags);
        file.push(self.bits);
        file.extend(varint(self.prefix));
        file.extend(varint(self.tokens));
        for (smallest, width) in self.columns {
            file.extend(varint(smallest));
            file.push(width);
        }
        file.extend(varint(self.patterns.len() as u64));
        for pattern in &self.patterns {
            file.extend(varint(pattern.len() as u64));
            file.extend(pattern.bytes());
        }
        file.extend(varint(self.sets.len() as u64));
        for set in &self.sets {
            file.extend(varint(set.len() as u64));
            set.iter().for_each(|pattern| file.extend(varint(*pattern)));
        }
        file.extend(varint(self.details.len() as u64));
        file.extend(self.details.concat());
        self.ends.iter().for_each(|end| file.extend(low(*end, self.end_width)));
        let [number, owner, expires] = self.columns.map(|(_, width)| width.min(8));
        for entry in &self.entries {
            file.extend(&entry.tail);
            file.push(entry.flags);
            file.extend(low(entry.number, number));
            file.extend(low(entry.owner, owner));
            file.extend(low(entry.set, self.widths[0]));
            file.extend(low(entry.expires, expires));
            file.extend(low(entry.details, self.widths[1]));
        }
        file
    }

    /// The parts of the segment with that content.
    fn of(Content { header, issued }: &Content) -> Self {
        let issued: Vec<(&Digest, &TokenRecord, bool)> = issued
            .iter()
            .map(|(digest, Issued { token, owner })| {
                (digest, token, token.revoked || token.issued < owner.revoked_before)
            })
            .collect();
        let tokens = || issued.iter().map(|(_, token, _)| *token);
        let details_of = |token: &TokenRecord| {
            let addresses = if header.without_addresses {
                vec![u8::from(!token.addresses.is_empty())]
            } else {
                token.addresses.iter().fold(varint(token.addresses.len() as u64), |mut bytes, block| {
                    let text = block.to_string();
                    let (address, length) = text.split_once('/').unwrap();
                    match address.parse().unwrap() {
                        std::net::IpAddr::V4(v4) => bytes.extend([&[0][..], &v4.octets()].concat()),
                        std::net::IpAddr::V6(v6) => bytes.extend([&[1][..], &v6.octets()].concat()),
                    }
                    bytes.push(length.parse().unwrap());
                    bytes
                })
            };
            let bytes = [option(token.not_before), option(token.replaced_until), addresses].concat();
            (bytes != [0, 0, 0]).then_some(bytes)
        };
        let texts_of = |token: &TokenRecord| -> Vec<String> {
            token.scopes.iter().map(|pattern| pattern.as_str().to_owned()).collect()
        };
        let patterns: BTreeSet<String> = tokens().flat_map(texts_of).collect();
        let sets: BTreeSet<Vec<String>> = tokens().map(texts_of).collect();
        let details: BTreeSet<Vec<u8>> = tokens().filter_map(details_of).collect();
        let column = |numbers: Vec<u64>| {
            let smallest = numbers.iter().min().copied().unwrap_or(0);
            (smallest, width(numbers.iter().max().copied().unwrap_or(0) - smallest))
        };
        let columns = [
            column(tokens().map(|token| token.number).collect()),
            column(tokens().map(|token| token.owner).collect()),
            column(tokens().filter_map(|token| Some(token.expires_at?.0)).collect()),
        ];
        let place = |texts: &[String]| sets.iter().position(|set| set == texts).unwrap() as u64;
        let detail = |bytes: Vec<u8>| details.iter().position(|known| *known == bytes).unwrap() as u64 + 1;
        let bucket_bits = (0..).find(|bits| 4 << bits >= issued.len()).unwrap();
        let begin = |digest: &Digest| u64::from_be_bytes(digest.as_bytes()[..8].try_into().unwrap());
        let bucket =
            |digest: &Digest| (begin(digest) >> (48 - bucket_bits) >> (16 - header.prefix.bits())) % (1 << bucket_bits);
        let told = (usize::from(header.prefix.bits()) + bucket_bits) / 8;
        Self {
            begin: b"\x01s".to_vec(),
            generation: header.generation,
            flags: [header.without_addresses.into(), header.without_weak.into()],
            bits: header.prefix.bits(),
            prefix: header.prefix.value().into(),
            tokens: issued.len() as u64,
            columns,
            end_width: width(issued.len() as u64),
            ends: (0..1 << bucket_bits)
                .map(|at| issued.iter().filter(|(digest, ..)| bucket(digest) <= at).count() as u64)
                .collect(),
            entries: issued
                .iter()
                .map(|(digest, token, revoked)| Parted {
                    tail: digest.as_bytes()[told..16].to_vec(),
                    flags: u8::from(*revoked) + 2 * u8::from(token.enabled) + 4 * u8::from(token.expires_at.is_some()),
                    number: token.number - columns[0].0,
                    owner: token.owner - columns[1].0,
                    set: place(&texts_of(token)),
                    expires: token.expires_at.map_or(0, |end| end.0 - columns[2].0),
                    details: details_of(token).map_or(0, detail),
                })
                .collect(),
            widths: [width((sets.len() as u64).saturating_sub(1)), width(details.len() as u64)],
            sets: sets
                .iter()
                .map(|set| set.iter().map(|text| patterns.iter().position(|p| p == text).unwrap() as u64).collect())
                .collect(),
            patterns: patterns.into_iter().collect(),
            details: details.into_iter().collect(),
        }
    }
}

/// Four tokens and a fifth, so that there are two buckets: digests 10…, 20…, 30…, 40… and f0….
fn parts() -> Parts {
    let token = |number: u64, scopes: &[&str]| TokenRecord {
        version: 5,
        id: "".into(),
        number,
        owner: 7,
        name: "".into(),
        client_id: None,
        metadata: None,
        scopes: scopes.iter().map(|text| counterfoil_verify::ScopePattern::parse(text).unwrap()).collect(),
        issued: 5,
        revoked: false,
        enabled: true,
        not_before: None,
        expires_at: Some(Timestamp(1000 * number)),
        replaced_until: None,
        addresses: vec![],
        rate_class: None,
    };
    let mut tokens = [
        token(1, &[]),
        token(2, &["a"]),
        token(3, &["a", "b"]),
        token(4, &["b"]),
        TokenRecord { expires_at: None, ..token(300, &["b"]) },
    ];
    tokens[0].not_before = Some(Timestamp(3));
    tokens[1].replaced_until = Some(Timestamp(4));
    let owner = counterfoil_verify::OwnerRecord {
        version: 1,
        number: 7,
        id: "ada".into(),
        suspended: false,
        grants: Default::default(),
        revoked_before: 0,
    };
    let digests = [0x10, 0x20, 0x30, 0x40, 0xf0].map(|first| {
        let mut bytes = [0; 32];
        bytes[0] = first;
        Digest::from_bytes(bytes)
    });
    let issued: BTreeMap<_, _> =
        digests.into_iter().zip(tokens.map(|token| Issued { token, owner: owner.clone() })).collect();
    let header = SegmentHeader {
        workspace: key(),
        generation: 9,
        without_addresses: false,
        without_weak: false,
        prefix: DigestPrefix::NONE,
    };
    Parts::of(&Content { header, issued })
}

proptest! {
    #[test]
    fn segment_built_from_the_format_description_is_identical(content in content(0..80)) {
        prop_assert!(Parts::of(&content).file() == content.file());
    }
}

#[test]
fn well_formed_parts_open_as_a_segment() {
    let parts = parts();
    assert_eq!(parts.ends, [4, 5]);
    assert_eq!(parts.columns, [(1, 2), (7, 0), (1000, 2)]);
    assert_eq!((parts.patterns.len(), parts.sets.len(), parts.details.len()), (2, 4, 2));
    let segment = Segment::open(parts.file()).unwrap();
    assert_eq!(rebuilt(&segment), parts.file());
}

#[test]
fn segment_with_any_wrong_part_is_malformed() {
    type Wrong = fn(&mut Parts);
    let cases: &[(&str, Wrong)] = &[
        ("another kind", |p| p.begin[1] = b'r'),
        ("a flag that is none", |p| p.flags[0] = 2),
        ("a prefix that is too long", |p| p.bits = 17),
        ("a prefix of more bits than it has", |p| p.prefix = 1),
        ("a prefix that is not the digests'", |p| p.bits = 1),
        ("fewer tokens than there are", |p| p.tokens = 4),
        ("more tokens than there are", |p| p.tokens = 6),
        ("very many tokens", |p| p.tokens = u64::MAX),
        ("a column that begins too low", |p| {
            p.columns[0].0 = 0;
            p.entries.iter_mut().for_each(|entry| entry.number += 1);
        }),
        ("a column that is too wide", |p| p.columns[1].1 = 1),
        ("a column of times that is too wide", |p| p.columns[2].1 = 3),
        ("a column that is wider than a number", |p| p.columns[0].1 = 9),
        ("a number that overflows", |p| p.columns[0].0 = u64::MAX),
        ("a column of nothing that begins somewhere", |p| {
            p.entries.iter_mut().for_each(|entry| (entry.flags, entry.expires) = (2, 0));
            p.columns[2] = (1, 0);
        }),
        ("a pattern that is none", |p| p.patterns[0] = "a*".to_owned()),
        ("patterns out of order", |p| p.patterns.swap(0, 1)),
        ("a pattern twice", |p| p.patterns[1] = "a".to_owned()),
        ("a pattern that no set has", |p| p.patterns.push("c".to_owned())),
        ("a set of a pattern that is not there", |p| p.sets[3][0] = 2),
        ("a set of a pattern that is far from there", |p| p.sets[3][0] = u64::MAX),
        ("a set out of order", |p| p.sets[2].reverse()),
        ("a set with a pattern twice", |p| p.sets[2][0] = 1),
        ("sets out of order", |p| p.sets.swap(1, 2)),
        ("a set twice", |p| p.sets[3] = p.sets[2].clone()),
        ("a set that no token has", |p| p.entries[2].set = 1),
        ("a set that is not there", |p| p.entries[4].set = 4),
        ("details that say nothing", |p| p.details[0] = vec![0, 0, 0]),
        ("details with a flag that is none", |p| p.details[0] = vec![2, 0, 0]),
        ("details out of order", |p| p.details.swap(0, 1)),
        ("details twice", |p| p.details[1] = p.details[0].clone()),
        ("details that no token has", |p| p.entries[1].details = 0),
        ("details that are not there", |p| p.entries[4].details = 3),
        ("an address block that is none", |p| p.details[0] = vec![0, 0, 1, 0, 1, 2, 3, 4, 33]),
        ("an entry in another's bucket", |p| p.ends[0] = 3),
        ("a bucket that ends after the last entry", |p| p.ends[1] = 6),
        ("buckets that leave an entry out", |p| {
            // Everything that the last entry uses is used by another entry as well, so that nothing else is wrong.
            p.entries[3].number = p.entries[4].number;
            p.ends[1] = 4;
        }),
        ("a bucket that ends before it begins", |p| p.ends[1] = 3),
        ("buckets of which the first has all", |p| p.ends[0] = 5),
        ("entries out of order", |p| p.entries.swap(1, 2)),
        ("an entry twice", |p| p.entries[1].tail = p.entries[0].tail.clone()),
        ("flags that are none", |p| p.entries[0].flags |= 8),
        ("a time without its flag", |p| p.entries[4].expires = 1),
        ("a larger number than the column has", |p| p.entries[4].number = 40),
        ("no smallest number", |p| p.entries[0].number = 1),
    ];
    for (why, change) in cases {
        let mut parts = parts();
        let good = parts.file();
        change(&mut parts);
        assert_ne!(parts.file(), good, "{why}: changes nothing");
        assert_eq!(Segment::open(parts.file()).err(), Some(RecordError::Malformed), "{why}");
    }
    for format in [0, 2, 255] {
        let mut file = parts().file();
        file[0] = format;
        assert_eq!(Segment::open(file).err(), Some(RecordError::UnknownFormat));
    }
}

/// So many tokens that differ only in their digests.
fn crowd(tokens: u32) -> Vec<u8> {
    let bucket_bits = tokens.div_ceil(4).next_power_of_two().ilog2();
    let digest = |at: u32| u128::from(at) << (128 - 21);
    let bucket = |at: u32| digest(at) >> (128 - bucket_bits);
    let mut ends = vec![0; 1 << bucket_bits];
    (0..tokens).for_each(|at| ends[bucket(at) as usize] = at + 1);
    let last_before = |last: &mut u32, end: u32| {
        *last = end.max(*last);
        Some(u64::from(*last))
    };
    let mut file = Parts {
        begin: b"\x01s".to_vec(),
        tokens: tokens.into(),
        sets: vec![vec![]],
        end_width: width(tokens.into()),
        ends: ends.into_iter().scan(0, last_before).collect(),
        ..Parts::default()
    }
    .file();
    let told = bucket_bits as usize / 8;
    (0..tokens).for_each(|at| file.extend([&digest(at).to_be_bytes()[told..], &[2]].concat()));
    file
}

#[test]
fn segment_with_more_than_the_maximum_of_tokens_is_malformed() {
    assert_eq!(Segment::open(crowd(1 << 20)).unwrap().len(), 1 << 20);
    assert_eq!(Segment::open(crowd((1 << 20) + 1)).err(), Some(RecordError::Malformed));
}

/// A snapshot only stores whether a token is bound to addresses.
#[test]
fn omitted_ip_ranges_are_encoded_as_a_flag() {
    let mut parts = parts();
    parts.flags[0] = 1;
    let token = |parts: &Parts| Segment::open(parts.file()).map(|segment| segment.tokens().next().unwrap().1);
    assert!(token(&parts).unwrap().addresses.is_empty());
    parts.details = vec![vec![0, 1, 4, 0], vec![1, 3, 0, 1]];
    parts.entries[0].details = 2;
    parts.entries[1].details = 1;
    assert_eq!(token(&parts).unwrap().addresses, [counterfoil_verify::AddressBlock::nowhere()]);
    parts.details[1][3] = 2;
    assert_eq!(token(&parts).err(), Some(RecordError::Malformed));
}
