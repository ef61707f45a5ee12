//! Owner segments.

use crate::world::{GENERATION, issued, key};
use counterfoil_verify::{
    BuildError, ContentHash, Encoded, OwnerRecord, OwnerSegment, OwnerSegmentBuilder, OwnersHeader, RecordError,
    ScopeSet,
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

fn header(first: u64, last: u64) -> OwnersHeader {
    OwnersHeader { workspace: key(), generation: GENERATION, first, last }
}

fn owner(number: u64) -> OwnerRecord {
    let grants = ScopeSet::everything();
    OwnerRecord { version: 4, number, id: "ada".into(), suspended: false, grants, revoked_before: 3 }
}

fn rebuilt(segment: &OwnerSegment) -> Vec<u8> {
    let mut builder = OwnerSegmentBuilder::new(*segment.header()).unwrap();
    segment.owners().for_each(|owner| builder.push(&owner).unwrap());
    builder.finish()
}

/// Members by number, in a range that they do not fill.
fn content() -> impl Strategy<Value = (OwnersHeader, BTreeMap<u64, OwnerRecord>)> {
    (vec(issued(), 0..20), 0..3u64, 0..3u64).prop_map(|(issued, before, after)| {
        let owners: BTreeMap<_, _> = issued.into_iter().map(|issued| (issued.owner.number, issued.owner)).collect();
        let first = owners.keys().next().copied().unwrap_or(5).saturating_sub(before);
        let last = owners.keys().next_back().copied().unwrap_or(5).saturating_add(after);
        (header(first, last), owners)
    })
}

fn file_of(header: OwnersHeader, owners: &BTreeMap<u64, OwnerRecord>) -> Vec<u8> {
    let mut builder = OwnerSegmentBuilder::new(header).unwrap();
    owners.values().for_each(|owner| builder.push(owner).unwrap());
    builder.finish()
}

proptest! {
    #[test]
    fn every_member_is_found_and_no_other_number((header, owners) in content(), others in vec(any::<u64>(), 20)) {
        let segment = OwnerSegment::open(file_of(header, &owners)).unwrap();
        prop_assert_eq!(segment.header(), &header);
        prop_assert_eq!((segment.len(), segment.is_empty()), (owners.len(), owners.is_empty()));
        let near = owners.keys().flat_map(|number| [number.saturating_sub(1), *number, number.saturating_add(1)]);
        for number in near.chain(others).chain([header.first, header.last]) {
            prop_assert_eq!(segment.find(number), owners.get(&number).cloned());
            prop_assert_eq!(segment.covers(number), header.first <= number && number <= header.last);
        }
        prop_assert!(segment.owners().eq(owners.into_values()));
    }

    #[test]
    fn changed_owner_segment_is_rejected_or_another_canonical_one((header, owners) in content(), more in vec(any::<u8>(), 1..9)) {
        let file = file_of(header, &owners);
        for length in 0..file.len() {
            prop_assert_eq!(OwnerSegment::open(&file[..length]).err(), Some(RecordError::Malformed));
        }
        prop_assert_eq!(OwnerSegment::open([&file[..], &more[..]].concat()).err(), Some(RecordError::Malformed));
        for bit in 0..8 * file.len() {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(ContentHash::of(&changed) != ContentHash::of(&file));
            if let Ok(segment) = OwnerSegment::open(changed.clone()) {
                prop_assert!(rebuilt(&segment) == changed);
            }
        }
    }
}

#[test]
fn builder_rejects_members_the_segment_cannot_contain() {
    assert!(OwnerSegmentBuilder::new(header(5, 4)).is_none());
    let mut builder = OwnerSegmentBuilder::new(header(5, 9)).unwrap();
    assert_eq!(builder.push(&owner(4)), Err(BuildError::NotCovered));
    assert_eq!(builder.push(&owner(10)), Err(BuildError::NotCovered));
    assert_eq!(builder.push(&owner(6)), Ok(()));
    assert_eq!(builder.push(&owner(6)), Err(BuildError::OutOfOrder));
    assert_eq!(builder.push(&owner(5)), Err(BuildError::OutOfOrder));
    let late = OwnerRecord { version: GENERATION + 1, ..owner(7) };
    assert_eq!(builder.push(&late), Err(BuildError::TooNew));
    let late = OwnerRecord { revoked_before: GENERATION + 1, ..owner(7) };
    assert_eq!(builder.push(&late), Err(BuildError::TooNew));
    assert_eq!(builder.push(&owner(9)), Ok(()));
    let numbers: Vec<_> = OwnerSegment::open(builder.finish()).unwrap().owners().map(|owner| owner.number).collect();
    assert_eq!(numbers, [6, 9]);
}

/// The format, implemented independently from docs/format.md.
#[test]
fn owner_segment_needs_members_in_order_and_in_range() {
    let file = |first: u8, last: u8, owners: &[OwnerRecord]| {
        let mut file = [&b"\x01n0Ab3dE"[..], &[GENERATION as u8, first, last, owners.len() as u8]].concat();
        owners.iter().for_each(|owner| file.extend(&owner.encode()[2..]));
        OwnerSegment::open(file)
    };
    assert_eq!(file(5, 9, &[owner(5), owner(9)]).unwrap().len(), 2);
    let late = OwnerRecord { version: GENERATION + 1, ..owner(6) };
    let revoked_late = OwnerRecord { revoked_before: GENERATION + 1, ..owner(6) };
    for (first, last, owners) in [
        (5, 9, vec![owner(4)]),
        (5, 9, vec![owner(10)]),
        (5, 9, vec![owner(6), owner(5)]),
        (5, 9, vec![owner(6), owner(6)]),
        (5, 9, vec![late]),
        (5, 9, vec![revoked_late]),
        (5, 4, vec![]),
    ] {
        assert_eq!(file(first, last, &owners).err(), Some(RecordError::Malformed), "{first} {last} {owners:?}");
    }
}
