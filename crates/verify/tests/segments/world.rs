//! Arbitrary tokens, and segments of them.

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    AddressBlock, Demand, DigestPrefix, OwnerRecord, Scope, ScopePattern, ScopeSet, Segment, SegmentBuilder,
    SegmentHeader, Timestamp, TokenRecord, WorkspaceRecord,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::collections::BTreeMap;

/// The generation of every segment here; so low that tokens and revocations often have it.
pub(crate) const GENERATION: u64 = 9;

/// A token in the ledger, with its owner.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) token: TokenRecord,
    pub(crate) owner: OwnerRecord,
}

/// The content of a segment; digests are distinct in their first 16 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) header: SegmentHeader,
    pub(crate) issued: BTreeMap<Digest, Issued>,
}

impl Content {
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut builder = SegmentBuilder::new(self.header);
        for (digest, Issued { token, owner }) in &self.issued {
            builder.push(digest, token, owner.revoked_before).unwrap();
        }
        assert_eq!(builder.len(), self.issued.len());
        builder.finish()
    }

    pub(crate) fn segment(&self) -> Segment {
        Segment::open(self.file()).unwrap()
    }

    /// Whether any token's digest begins with the same 16 bytes.
    pub(crate) fn has_cut(&self, digest: &Digest) -> bool {
        self.issued.keys().any(|other| other.as_bytes()[..16] == digest.as_bytes()[..16])
    }
}

/// The content of a segment, built again.
pub(crate) fn rebuilt(segment: &Segment) -> Vec<u8> {
    let mut builder = SegmentBuilder::new(*segment.header());
    for (cut, token) in segment.tokens() {
        builder.push(&padded(cut), &token, 0).unwrap();
    }
    builder.finish()
}

/// A digest that begins with these bytes.
pub(crate) fn padded(cut: [u8; 16]) -> Digest {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&cut);
    Digest::from_bytes(bytes)
}

/// The digest with one bit changed.
pub(crate) fn flipped(digest: &Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    Digest::from_bytes(bytes)
}

pub(crate) fn key() -> WorkspaceKey {
    WorkspaceKey::parse("0Ab3dE").unwrap()
}

pub(crate) fn workspace() -> WorkspaceRecord {
    WorkspaceRecord {
        version: 2,
        key: key(),
        slug: "demo".into(),
        suspended: false,
        has_imports: true,
        freshness: vec![],
    }
}

/// A token that is valid, and its owner.
pub(crate) fn plain() -> Issued {
    let token = TokenRecord {
        version: 5,
        id: "tok_0123456789abcdefghijkl".into(),
        number: 12,
        owner: 3,
        name: "a token".into(),
        client_id: None,
        metadata: None,
        scopes: ScopeSet::everything(),
        issued: 5,
        revoked: false,
        enabled: true,
        not_before: None,
        expires_at: None,
        replaced_until: None,
        addresses: vec![],
        rate_class: None,
    };
    let grants = ScopeSet::everything();
    let owner = OwnerRecord { version: 4, number: 3, id: "ada".into(), suspended: false, grants, revoked_before: 0 };
    Issued { token, owner }
}

pub(crate) fn header() -> impl Strategy<Value = SegmentHeader> {
    (any::<(bool, bool)>(), 0..=DigestPrefix::MAX_BITS, any::<u16>()).prop_map(
        |((without_addresses, without_weak), bits, value)| SegmentHeader {
            workspace: key(),
            generation: GENERATION,
            without_addresses,
            without_weak,
            prefix: DigestPrefix::new(bits, (u32::from(value) >> (16 - u32::from(bits))) as u16).unwrap(),
        },
    )
}

/// Digests with that prefix, some differing in few bits, so that buckets fill.
pub(crate) fn digest(prefix: DigestPrefix) -> impl Strategy<Value = Digest> {
    let near = (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(first, second, last)| {
        let mut bytes = [0; 32];
        (bytes[0], bytes[2], bytes[15]) = (first & 3, second & 192, last & 7);
        bytes
    });
    prop_oneof![any::<[u8; 32]>(), near].prop_map(move |mut bytes| {
        let bits = u32::from(prefix.bits());
        let begin = u16::from_be_bytes([bytes[0], bytes[1]]);
        let rest = u32::from(begin) & (0xffff >> bits);
        let value = (u32::from(prefix.value()) << (16 - bits) | rest) as u16;
        bytes[..2].copy_from_slice(&value.to_be_bytes());
        Digest::from_bytes(bytes)
    })
}

fn patterns() -> impl Strategy<Value = ScopeSet> {
    let pattern = select(vec!["a", "b", "a:b", "a:*", "b.c", "*", "orders:write"]);
    vec(pattern, 0..4).prop_map(|texts| texts.into_iter().map(|text| ScopePattern::parse(text).unwrap()).collect())
}

/// Times that tests use, and times that need all 64 bits.
fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![8 => 0..12u64, 1 => any::<u64>()].prop_map(Timestamp)
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..300u64, 2 => any::<u32>().prop_map(u64::from), 1 => any::<u64>()]
}

fn addresses() -> impl Strategy<Value = Vec<AddressBlock>> {
    let block = select(vec!["192.0.2.0/24", "198.51.100.7/32", "0.0.0.0/0", "2001:db8::/32"]);
    let some = vec(block.prop_map(|text| text.parse().unwrap()), 1..3);
    prop_oneof![2 => Just(vec![]), 1 => some]
}

pub(crate) fn issued() -> impl Strategy<Value = Issued> {
    let times = (option::of(time()), option::of(time()), option::of(time()));
    let generations = (0..=GENERATION, 0..=GENERATION, 0..=GENERATION);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    (times, generations, flags, (number(), number()), (patterns(), patterns()), addresses()).prop_map(
        |((from, until, replaced), (version, issued, revoked_before), flags, (number, owner), scopes, addresses)| {
            let token = TokenRecord {
                version,
                id: "tok_0123456789abcdefghijkl".into(),
                number,
                owner,
                name: "a token".into(),
                client_id: Some("game".into()),
                metadata: Some("{}".into()),
                scopes: scopes.0,
                issued,
                revoked: flags.0,
                enabled: flags.1,
                not_before: from,
                expires_at: until,
                replaced_until: replaced,
                addresses,
                rate_class: None,
            };
            let owner = OwnerRecord {
                version: revoked_before,
                number: owner,
                id: "ada".into(),
                suspended: flags.2,
                grants: scopes.1,
                revoked_before,
            };
            Issued { token, owner }
        },
    )
}

pub(crate) fn content(size: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Content> {
    let size = size.into();
    header().prop_flat_map(move |header| {
        vec((digest(header.prefix), issued()), size.clone()).prop_map(move |tokens| {
            let distinct: BTreeMap<_, _> = tokens
                .into_iter()
                .map(|(digest, issued)| (digest.as_bytes()[..16].to_vec(), (digest, issued)))
                .collect();
            Content { header, issued: distinct.into_values().collect() }
        })
    })
}

pub(crate) fn demand() -> impl Strategy<Value = Demand> {
    let scopes = || vec(select(vec!["a", "b", "a:b", "b.c", "c"]).prop_map(|text| Scope::parse(text).unwrap()), 0..2);
    let address =
        option::of(select(vec!["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1"]));
    (scopes(), scopes(), address).prop_map(|(all_of, any_of, address)| {
        let mut demand = Demand::of(key());
        demand.all_of = all_of;
        demand.any_of = any_of;
        demand.address = address.map(|text| text.parse().unwrap());
        demand
    })
}

/// The times at which a test decides.
pub(crate) fn now() -> impl Strategy<Value = Timestamp> {
    prop_oneof![8 => 0..12u64, 1 => any::<u64>()].prop_map(Timestamp)
}
