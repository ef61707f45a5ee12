//! A segment leads to the same decision as the ledger.

use crate::world::{GENERATION, Issued, content, demand, digest, flipped, header, issued, key, now, plain, workspace};
use counterfoil_token::Digest;
use counterfoil_verify::{
    AddressBlock, BuildError, Code, Demand, DigestPrefix, Facts, OwnerRecord, ScopeSet, Segment, SegmentBuilder,
    SegmentHeader, Timestamp, TokenRecord, decide,
};
use proptest::{prelude::*, sample::Index};

fn decided(token: &TokenRecord, owner: &OwnerRecord, demand: &Demand, now: Timestamp) -> Code {
    decide(Facts { token, owner, workspace: &workspace() }, demand, now)
}

/// The owner's record after the segment was built: unchanged, or changed by a later generation.
fn later() -> impl Strategy<Value = Option<(bool, bool, u64)>> {
    prop::option::of((any::<bool>(), any::<bool>(), GENERATION + 1..=u64::MAX))
}

fn changed(owner: &OwnerRecord, later: Option<(bool, bool, u64)>) -> OwnerRecord {
    let mut owner = owner.clone();
    if let Some((suspends, revokes, generation)) = later {
        owner.version = generation;
        owner.suspended = suspends;
        owner.grants = if suspends { ScopeSet::everything() } else { owner.grants };
        owner.revoked_before = if revokes { generation } else { owner.revoked_before };
    }
    owner
}

fn house(prefix: DigestPrefix) -> SegmentHeader {
    SegmentHeader { workspace: key(), generation: GENERATION, without_addresses: false, without_weak: false, prefix }
}

fn segment_of(header: SegmentHeader, digest: &Digest, token: &TokenRecord, revoked_before: u64) -> Segment {
    let mut builder = SegmentBuilder::new(header);
    builder.push(digest, token, revoked_before).unwrap();
    Segment::open(builder.finish()).unwrap()
}

proptest! {
    #[test]
    fn segment_decides_a_token_as_the_ledger_does(
        content in content(1..40), chosen: Index, demand in demand(), now in now(), later in later(),
    ) {
        let segment = content.segment();
        let (digest, Issued { token, owner }) = content.issued.iter().nth(chosen.index(content.issued.len())).unwrap();
        let owner = changed(owner, later);
        let found = segment.find(digest).unwrap();
        let (ledger, here) = (decided(token, &owner, &demand, now), decided(&found, &owner, &demand, now));
        let hangs_on_address = matches!(ledger, Code::AddressNotAllowed | Code::InsufficientScope | Code::Valid);
        if content.header.without_addresses && !token.addresses.is_empty() && hangs_on_address {
            prop_assert_eq!(here, Code::AddressNotAllowed, "it is not valid");
        } else {
            prop_assert_eq!(here, ledger);
        }
    }

    #[test]
    fn every_token_of_a_segment_is_found(content in content(0..200)) {
        let segment = content.segment();
        prop_assert_eq!(segment.header(), &content.header);
        prop_assert_eq!((segment.len(), segment.is_empty()), (content.issued.len(), content.issued.is_empty()));
        for (digest, Issued { token, owner }) in &content.issued {
            prop_assert!(segment.covers(digest));
            let expected = TokenRecord {
                version: GENERATION,
                id: "".into(),
                name: "".into(),
                client_id: None,
                metadata: None,
                issued: GENERATION,
                revoked: token.revoked || token.issued < owner.revoked_before,
                addresses: match token.addresses.is_empty() {
                    false if content.header.without_addresses => vec![AddressBlock::nowhere()],
                    _ => token.addresses.clone(),
                },
                ..token.clone()
            };
            prop_assert_eq!(segment.find(digest), Some(expected));
        }
        let listed: Vec<_> = segment.tokens().collect();
        let found: Vec<_> = content.issued.keys().map(|digest| {
            (digest.as_bytes()[..16].try_into().unwrap(), segment.find(digest).unwrap())
        }).collect();
        prop_assert_eq!(listed, found);
    }

    #[test]
    fn absent_digests_are_not_found(content in content(0..60), digests in prop::collection::vec(any::<[u8; 32]>(), 20)) {
        let segment = content.segment();
        let near = content.issued.keys().flat_map(|digest| (0..128).map(|bit| flipped(digest, bit)));
        for digest in digests.into_iter().map(Digest::from_bytes).chain(near) {
            prop_assert_eq!(segment.find(&digest).is_some(), content.has_cut(&digest));
            prop_assert_eq!(segment.covers(&digest), content.header.prefix.begins(&digest));
        }
    }

    #[test]
    fn digests_are_distinguished_by_16_bytes(content in content(1..20), bit in 128..256usize) {
        let segment = content.segment();
        for digest in content.issued.keys() {
            prop_assert_eq!(segment.find(&flipped(digest, bit)), segment.find(digest));
        }
    }

    #[test]
    fn digest_has_exactly_one_prefix_of_each_length(digest: [u8; 32], bits in 0..=16u8) {
        let digest = Digest::from_bytes(digest);
        let prefixes: Vec<_> = DigestPrefix::all(bits).filter(|prefix| prefix.begins(&digest)).collect();
        prop_assert_eq!(prefixes.len(), 1);
        let text: String = digest.as_bytes()[..2].iter().map(|byte| format!("{byte:08b}")).collect();
        let value = format!("0{}", &text[..bits.into()]);
        prop_assert_eq!(prefixes[0].value(), u16::from_str_radix(&value, 2).unwrap());
        prop_assert_eq!(prefixes[0].bits(), bits);
    }

    #[test]
    fn rejected_token_does_not_change_the_segment(
        content in content(1..20), digest in header().prop_flat_map(|header| digest(header.prefix)), other in issued(),
    ) {
        let mut builder = SegmentBuilder::new(content.header);
        for (known, Issued { token, owner }) in &content.issued {
            builder.push(known, token, owner.revoked_before).unwrap();
            let late = TokenRecord { issued: GENERATION + 1, ..token.clone() };
            prop_assert!(builder.push(&Digest::from_bytes([0xff; 32]), &late, 0).is_err());
        }
        let last = content.issued.keys().next_back().unwrap();
        if digest < *last && !content.has_cut(&digest) {
            prop_assert!(builder.push(&digest, &other.token, 0).is_err());
        }
        prop_assert_eq!(builder.finish(), content.file());
    }
}

#[test]
fn all_prefixes_of_a_length_are_enumerated() {
    for bits in 0..=16 {
        assert_eq!(DigestPrefix::all(bits).count(), 1 << bits);
    }
    assert_eq!(DigestPrefix::all(17).count(), 0);
    assert_eq!(DigestPrefix::new(3, 8), None);
    assert_eq!(DigestPrefix::new(0, 1), None);
    assert_eq!(DigestPrefix::new(0, 0), Some(DigestPrefix::NONE));
    assert_eq!(DigestPrefix::new(16, u16::MAX).map(DigestPrefix::value), Some(u16::MAX));
}

/// A verifier's record of the owner may be older than the segment, if it was not told of the change yet.
#[test]
fn tokens_stay_revoked_with_an_older_owner_record() {
    let Issued { token, owner } = plain();
    let digest = Digest::of(b"a text");
    let demand = Demand::of(key());
    for (revoked_before, code) in [(token.issued, Code::Valid), (token.issued + 1, Code::Revoked)] {
        let segment = segment_of(house(DigestPrefix::NONE), &digest, &token, revoked_before);
        assert_eq!(decided(&segment.find(&digest).unwrap(), &owner, &demand, Timestamp(0)), code);
    }
}

/// It is valid from no address, and reasons that are checked before the address take precedence.
#[test]
fn token_with_omitted_ip_ranges_is_valid_from_no_address() {
    let Issued { mut token, owner } = plain();
    token.addresses = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    token.expires_at = Some(Timestamp(7));
    let digest = Digest::of(b"a text");
    let header = SegmentHeader { without_addresses: true, ..house(DigestPrefix::NONE) };
    let found = segment_of(header, &digest, &token, 0).find(&digest).unwrap();
    let addresses = ["0.0.0.0", "::", "::ffff:0.0.0.0", "::ffff:1.2.3.4", "192.0.2.1", "2001:db8::1"];
    for address in addresses.map(|text| Some(text.parse().unwrap())).into_iter().chain([None]) {
        let mut demand = Demand::of(key());
        demand.address = address;
        assert_eq!(decided(&found, &owner, &demand, Timestamp(6)), Code::AddressNotAllowed, "{address:?}");
        assert_eq!(decided(&found, &owner, &demand, Timestamp(7)), Code::Expired);
        assert_eq!(decided(&token, &owner, &demand, Timestamp(6)) == Code::Valid, address.is_some());
    }
}

#[test]
fn builder_rejects_tokens_the_segment_cannot_contain() {
    let Issued { token, .. } = plain();
    let digest = |first: u8, last: u8| {
        let mut bytes = [first; 32];
        bytes[16] = last;
        Digest::from_bytes(bytes)
    };
    let mut builder = SegmentBuilder::new(house(DigestPrefix::new(4, 2).unwrap()));
    assert!(builder.is_empty());
    assert_eq!(builder.push(&digest(0x1f, 0), &token, 0), Err(BuildError::NotCovered));
    assert_eq!(builder.push(&digest(0x30, 0), &token, 0), Err(BuildError::NotCovered));
    assert_eq!(builder.push(&digest(0x24, 0), &token, 0), Ok(()));
    assert_eq!(builder.push(&digest(0x24, 0), &token, 0), Err(BuildError::Indistinct));
    assert_eq!(builder.push(&digest(0x24, 1), &token, 0), Err(BuildError::Indistinct));
    assert_eq!(builder.push(&digest(0x23, 0), &token, 0), Err(BuildError::OutOfOrder));
    let versioned = TokenRecord { version: GENERATION + 1, ..token.clone() };
    assert_eq!(builder.push(&digest(0x25, 0), &versioned, 0), Err(BuildError::TooNew));
    let issued = TokenRecord { issued: GENERATION + 1, ..token.clone() };
    assert_eq!(builder.push(&digest(0x25, 0), &issued, 0), Err(BuildError::TooNew));
    assert_eq!(builder.push(&digest(0x25, 0), &token, GENERATION + 1), Err(BuildError::TooNew));
    let untold = TokenRecord { addresses: vec![AddressBlock::nowhere()], ..token.clone() };
    assert_eq!(builder.push(&digest(0x25, 0), &untold, 0), Err(BuildError::AddressesUntold));
    assert_eq!(builder.push(&digest(0x25, 0), &token, GENERATION), Ok(()));
    assert_eq!(Segment::open(builder.finish()).unwrap().len(), 2);
}

#[test]
fn full_segment_rejects_further_tokens() {
    let Issued { token, .. } = plain();
    let mut builder = SegmentBuilder::new(house(DigestPrefix::NONE));
    let digest = |at: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&(at << 11).to_be_bytes());
        Digest::from_bytes(bytes)
    };
    for at in 0..1 << 20 {
        builder.push(&digest(at), &token, 0).unwrap();
    }
    assert_eq!(builder.push(&digest((1 << 20) + 1), &token, 0), Err(BuildError::Full));
    let segment = Segment::open(builder.finish()).unwrap();
    assert_eq!(segment.len(), 1 << 20);
    assert!(segment.find(&digest((1 << 20) - 1)).is_some() && segment.find(&digest(1 << 20)).is_none());
}
