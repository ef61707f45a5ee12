//! Manifests, and opening the files that they name.

use crate::world::{GENERATION, content, key, workspace};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded, InvalidManifest, Manifest, ManifestHeader, NamedOwners, NamedSegment,
    OpenError, OwnerSegmentBuilder, OwnersHeader, RecordError, SegmentBuilder, SegmentHeader, WorkspaceRecord,
};
use proptest::{collection::vec, prelude::*};

fn about() -> ManifestHeader {
    ManifestHeader {
        epoch: 3,
        generation: GENERATION,
        without_addresses: false,
        without_weak: false,
        workspace: workspace(),
    }
}

fn segment() -> SegmentHeader {
    SegmentHeader {
        workspace: key(),
        generation: GENERATION,
        without_addresses: false,
        without_weak: false,
        prefix: DigestPrefix::NONE,
    }
}

fn owners() -> OwnersHeader {
    OwnersHeader { workspace: key(), generation: GENERATION, first: 5, last: 9 }
}

fn named(file: &[u8]) -> NamedSegment {
    NamedSegment { name: ContentHash::of(file), tokens: 0 }
}

fn range(first: u64, last: u64) -> NamedOwners {
    NamedOwners { first, last, name: ContentHash::of(&first.to_be_bytes()) }
}

fn some_segments(count: usize) -> Vec<NamedSegment> {
    (0..count).map(|at| NamedSegment { tokens: at as u64, ..named(&at.to_be_bytes()) }).collect()
}

fn manifest() -> impl Strategy<Value = Manifest> {
    (any::<(u64, u64, bool, bool)>(), 0..5u32, vec(any::<(u32, u32)>(), 0..5)).prop_map(|(about, bits, mut ranges)| {
        let header = ManifestHeader {
            epoch: about.0,
            generation: about.1.max(2),
            without_addresses: about.2,
            without_weak: about.3,
            workspace: workspace(),
        };
        ranges.iter_mut().for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
        ranges.sort_unstable();
        ranges.dedup_by(|later, earlier| later.0 <= earlier.1);
        let owners = ranges.into_iter().map(|(first, last)| range(first.into(), last.into())).collect();
        Manifest::new(header, some_segments(1 << bits), owners).unwrap()
    })
}

proptest! {
    #[test]
    fn manifest_decodes_to_what_was_encoded(manifest in manifest()) {
        prop_assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
    }

    #[test]
    fn changed_manifest_is_rejected_or_another_canonical_one(manifest in manifest(), more in vec(any::<u8>(), 1..9)) {
        let file = manifest.encode();
        for length in 0..file.len() {
            prop_assert_eq!(Manifest::decode(&file[..length]), Err(RecordError::Malformed));
        }
        prop_assert_eq!(Manifest::decode(&[&file[..], &more[..]].concat()), Err(RecordError::Malformed));
        for bit in 0..8 * file.len() {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(ContentHash::of(&changed) != ContentHash::of(&file));
            if let Ok(other) = Manifest::decode(&changed) {
                prop_assert!(other.encode() == changed && other != manifest);
            }
        }
    }

    #[test]
    fn manifest_names_the_segments_of_digests_and_owners(manifest in manifest(), digest: [u8; 32], number: u32) {
        let digest = Digest::from_bytes(digest);
        let prefix = manifest.prefix_of(&digest);
        prop_assert!(prefix.begins(&digest) && prefix.bits() == manifest.bits());
        let place = DigestPrefix::all(manifest.bits()).position(|other| other == prefix).unwrap();
        prop_assert_eq!(manifest.segment(prefix), manifest.segments().get(place));
        for number in manifest.owners().iter().flat_map(|range| [range.first, range.last]).chain([number.into()]) {
            for number in [number.saturating_sub(1), number, number + 1] {
                let covering = manifest.owners().iter().find(|range| range.first <= number && number <= range.last);
                prop_assert_eq!(manifest.owners_of(number), covering);
            }
        }
    }

    #[test]
    fn manifest_opens_only_the_segment_that_it_names(content in content(0..9), changed: prop::sample::Index) {
        let (file, prefix) = (content.file(), content.header.prefix);
        let mut segments = vec![named(&[]); 1 << prefix.bits()];
        segments[usize::from(prefix.value())] = NamedSegment { tokens: content.issued.len() as u64, ..named(&file) };
        let SegmentHeader { without_addresses, without_weak, .. } = content.header;
        let header = ManifestHeader { without_addresses, without_weak, ..about() };
        let manifest = Manifest::new(header, segments, vec![]).unwrap();
        prop_assert!(manifest.open_segment(prefix, file.clone()).unwrap().bytes() == file);
        let mut other = file.clone();
        other[changed.index(file.len())] ^= 1;
        prop_assert_eq!(manifest.open_segment(prefix, other).err(), Some(OpenError::OtherBytes));
        let longer = DigestPrefix::new(prefix.bits() + 1, prefix.value()).or(DigestPrefix::new(0, 0)).unwrap();
        prop_assert_eq!(manifest.open_segment(longer, file).err(), Some(OpenError::NotNamed));
    }
}

#[test]
fn invalid_manifest_parts_are_rejected() {
    let new =
        |segments, owners| Manifest::new(about(), some_segments(segments), owners).map(|manifest| manifest.bits());
    for bits in 0..=16 {
        assert_eq!(new(1 << bits, vec![]), Ok(bits));
    }
    for count in [0, 3, 5, 1 << 17] {
        assert_eq!(new(count, vec![]), Err(InvalidManifest::Segments), "{count}");
    }
    assert_eq!(new(1, vec![range(0, 4), range(5, 5), range(9, u64::MAX)]), Ok(0));
    for ranges in [
        vec![range(1, 0)],
        vec![range(1, 5), range(5, 9)],
        vec![range(6, 9), range(1, 5)],
        vec![range(1, 9), range(2, 3)],
        vec![range(1, 1), range(1, 1)],
    ] {
        assert_eq!(new(1, ranges.clone()), Err(InvalidManifest::Owners), "{ranges:?}");
    }
    let header = ManifestHeader { generation: 1, ..about() };
    assert_eq!(Manifest::new(header, some_segments(1), vec![]), Err(InvalidManifest::TooNew));
}

/// The name identifies the bytes; their header is verified all the same.
#[test]
fn segment_whose_header_contradicts_the_manifest_is_rejected() {
    let open = |header: SegmentHeader, change: fn(&mut NamedSegment)| {
        let file = SegmentBuilder::new(header).finish();
        let mut segment = named(&file);
        change(&mut segment);
        Manifest::new(about(), vec![segment], vec![]).unwrap().open_segment(DigestPrefix::NONE, file).err()
    };
    assert_eq!(open(segment(), |_| {}), None);
    assert_eq!(open(SegmentHeader { generation: 0, ..segment() }, |_| {}), None, "unchanged since");
    assert_eq!(open(segment(), |named| named.tokens = 1), Some(OpenError::OtherContent));
    let elsewhere = WorkspaceKey::parse("0Zzzzz").unwrap();
    for header in [
        SegmentHeader { workspace: elsewhere, ..segment() },
        SegmentHeader { generation: GENERATION + 1, ..segment() },
        SegmentHeader { without_addresses: true, ..segment() },
        SegmentHeader { without_weak: true, ..segment() },
        SegmentHeader { prefix: DigestPrefix::new(1, 0).unwrap(), ..segment() },
    ] {
        assert_eq!(open(header, |_| {}), Some(OpenError::OtherContent), "{header:?}");
    }
    let manifest = Manifest::new(about(), vec![named(b"\x01s"), named(b"\x02s")], vec![]).unwrap();
    for (value, file, error) in [(0, b"\x01s", RecordError::Malformed), (1, b"\x02s", RecordError::UnknownFormat)] {
        let opened = manifest.open_segment(DigestPrefix::new(1, value).unwrap(), *file);
        assert_eq!(opened.err(), Some(OpenError::Unreadable(error)));
    }
}

#[test]
fn owner_segment_that_contradicts_the_manifest_is_rejected() {
    let file = |header| OwnerSegmentBuilder::new(header).unwrap().finish();
    let open = |number: u64, header: OwnersHeader| {
        let file = file(header);
        let named = NamedOwners { first: 5, last: 9, name: ContentHash::of(&file) };
        Manifest::new(about(), some_segments(1), vec![named]).unwrap().open_owners(number, file).err()
    };
    assert_eq!(open(5, owners()), None);
    assert_eq!(open(9, OwnersHeader { generation: 0, ..owners() }), None);
    assert_eq!(open(4, owners()), Some(OpenError::NotNamed));
    assert_eq!(open(10, owners()), Some(OpenError::NotNamed));
    let elsewhere = WorkspaceKey::parse("0Zzzzz").unwrap();
    for header in [
        OwnersHeader { workspace: elsewhere, ..owners() },
        OwnersHeader { generation: GENERATION + 1, ..owners() },
        OwnersHeader { first: 4, ..owners() },
        OwnersHeader { last: 10, ..owners() },
    ] {
        assert_eq!(open(5, header), Some(OpenError::OtherContent), "{header:?}");
    }
    let named = NamedOwners { first: 5, last: 9, name: ContentHash::of(b"") };
    let manifest = Manifest::new(about(), some_segments(1), vec![named]).unwrap();
    assert_eq!(manifest.open_owners(5, file(owners())).err(), Some(OpenError::OtherBytes));
    assert_eq!(manifest.open_owners(5, []).err(), Some(OpenError::Unreadable(RecordError::Malformed)));
}

/// The format, implemented independently from docs/format.md.
#[test]
fn manifest_layout_matches_the_format_description() {
    let header = ManifestHeader { without_weak: true, ..about() };
    let manifest = Manifest::new(header, some_segments(2), vec![range(5, 300)]).unwrap();
    let hash = |bytes: &[u8]| *Digest::of(bytes).as_bytes();
    let workspace: WorkspaceRecord = workspace();
    let described = [
        &b"\x01m\x03\x09\x00\x01"[..],
        &workspace.encode()[2..],
        &[2],
        &hash(&0usize.to_be_bytes()),
        &[0],
        &hash(&1usize.to_be_bytes()),
        &[1],
        &[1, 5, 0xac, 2],
        &hash(&5u64.to_be_bytes()),
    ];
    assert_eq!(manifest.encode(), described.concat());
}

#[test]
fn content_hash_has_its_registry_path() {
    let name = ContentHash::of(b"abc");
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(name.path(key()), format!("s/0Ab3dE/{hex}"));
    assert_eq!((name.to_string(), format!("{name:?}")), (hex.to_owned(), format!("ContentHash({hex})")));
    assert_eq!(ContentHash::from_bytes(*name.as_bytes()), name);
}
