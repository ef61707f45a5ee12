//! Snapshots: what they contain, and that a change of any bit is detected.

use crate::world::{GENERATION, Issued, digest, flipped, issued, key, plain, workspace};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded, Manifest, ManifestHeader, NamedOwners, NamedSegment, OpenError, OwnerRecord,
    OwnerSegment, OwnerSegmentBuilder, OwnersHeader, RecordError, Segment, SegmentBuilder, SegmentHeader, Snapshot,
    SnapshotError, SnapshotHead, Timestamp, TokenRecord, WorkspaceRecord,
};
use ed25519_dalek::{Signature, Signer, SigningKey};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

/// How many bytes of a snapshot are the signed head and its signature.
const SIGNED: usize = 56 + 64;

/// The content of a workspace's snapshot.
#[derive(Clone, Debug)]
struct Content {
    without_addresses: bool,
    without_weak: bool,
    bits: u8,
    issued: BTreeMap<Digest, Issued>,
    /// The members, by the covered ranges of numbers.
    owners: Vec<((u64, u64), BTreeMap<u64, OwnerRecord>)>,
}

/// The parts of a snapshot, which tests also combine wrongly.
#[derive(Clone, Debug)]
struct Parts {
    head: SnapshotHead,
    manifest: Vec<u8>,
    /// Segments, then owner segments.
    files: Vec<Vec<u8>>,
}

fn snapshot_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn elsewhere() -> WorkspaceKey {
    WorkspaceKey::parse("0Zzzzz").unwrap()
}

/// What a host does with a file.
fn checked(file: &[u8]) -> Option<Result<Snapshot, SnapshotError>> {
    let (head, signature) = Snapshot::signed(file)?;
    snapshot_key().verifying_key().verify_strict(head, &Signature::from_bytes(signature)).ok()?;
    Some(Snapshot::open(file))
}

impl Content {
    fn about(&self) -> ManifestHeader {
        let Self { without_addresses, without_weak, .. } = *self;
        ManifestHeader { epoch: 3, generation: GENERATION, without_addresses, without_weak, workspace: workspace() }
    }

    fn segment(&self, prefix: DigestPrefix) -> Segment {
        let Self { without_addresses, without_weak, .. } = *self;
        let mut builder = SegmentBuilder::new(SegmentHeader {
            workspace: key(),
            generation: GENERATION,
            without_addresses,
            without_weak,
            prefix,
        });
        for (digest, Issued { token, owner }) in self.issued.iter().filter(|(digest, _)| prefix.begins(digest)) {
            builder.push(digest, token, owner.revoked_before).unwrap();
        }
        Segment::open(builder.finish()).unwrap()
    }

    fn owner_segments(&self) -> impl Iterator<Item = OwnerSegment> {
        self.owners.iter().map(|((first, last), owners)| {
            let header = OwnersHeader { workspace: key(), generation: GENERATION, first: *first, last: *last };
            let mut builder = OwnerSegmentBuilder::new(header).unwrap();
            owners.values().for_each(|owner| builder.push(owner).unwrap());
            OwnerSegment::open(builder.finish()).unwrap()
        })
    }

    fn parts(&self) -> Parts {
        let segments: Vec<_> = DigestPrefix::all(self.bits).map(|prefix| self.segment(prefix)).collect();
        let owners: Vec<_> = self.owner_segments().collect();
        let named =
            |segment: &Segment| NamedSegment { name: ContentHash::of(segment.bytes()), tokens: segment.len() as u64 };
        let covering = |segment: &OwnerSegment| {
            let OwnersHeader { first, last, .. } = *segment.header();
            NamedOwners { first, last, name: ContentHash::of(segment.bytes()) }
        };
        let names = (segments.iter().map(named).collect(), owners.iter().map(covering).collect());
        let files = segments.iter().map(Segment::bytes).chain(owners.iter().map(OwnerSegment::bytes));
        Parts::of(&Manifest::new(self.about(), names.0, names.1).unwrap(), files.map(<[u8]>::to_vec).collect())
    }
}

impl Parts {
    fn of(manifest: &Manifest, files: Vec<Vec<u8>>) -> Self {
        let workspace = manifest.header().workspace.key;
        Self::with(workspace, manifest.encode(), files)
    }

    fn with(workspace: WorkspaceKey, manifest: Vec<u8>, files: Vec<Vec<u8>>) -> Self {
        let (as_of, expires_at) = (Timestamp(0x0102_0304_0506_0708), Timestamp(0x1112_1314_1516_1718));
        Self {
            head: SnapshotHead { workspace, as_of, expires_at, manifest: ContentHash::of(&manifest) },
            manifest,
            files,
        }
    }

    /// The bytes before the files.
    fn begin(&self) -> Vec<u8> {
        self.head.begin(&snapshot_key().sign(&self.head.to_sign()).to_bytes(), &self.manifest)
    }

    fn file(&self) -> Vec<u8> {
        let announced = self.files.iter().flat_map(|file| [Snapshot::announce(file.len()), file.clone()]);
        [self.begin(), announced.collect::<Vec<_>>().concat()].concat()
    }

    /// The error of a snapshot whose signature is right.
    fn error(&self) -> Option<SnapshotError> {
        checked(&self.file()).unwrap().err()
    }
}

/// Ranges of numbers, in order and disjoint.
fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec(prop_oneof![0..300u64, any::<u64>()], 0..9).prop_map(|mut ends| {
        ends.sort_unstable();
        ends.dedup();
        ends.as_chunks().0.iter().map(|[first, last]| (*first, *last)).collect()
    })
}

fn content() -> impl Strategy<Value = Content> {
    let tokens = vec((digest(DigestPrefix::NONE), issued()), 0..40);
    (any::<(bool, bool)>(), 0..5u8, tokens, ranges()).prop_map(|(flags, bits, tokens, ranges)| {
        let cut = |digest: &Digest| digest.as_bytes()[..16].to_vec();
        let distinct: BTreeMap<_, _> = tokens.into_iter().map(|token| (cut(&token.0), token)).collect();
        let issued: BTreeMap<_, _> = distinct.into_values().collect();
        let members: BTreeMap<_, _> =
            issued.values().map(|issued| (issued.owner.number, issued.owner.clone())).collect();
        let within = |(first, last)| members.range(first..=last).map(|(n, owner)| (*n, owner.clone())).collect();
        let owners = ranges.into_iter().map(|range| (range, within(range))).collect();
        Content { without_addresses: flags.0, without_weak: flags.1, bits, issued, owners }
    })
}

/// Two tokens in two segments, and two members in two segments.
fn small() -> Content {
    let member = |number| OwnerRecord { number, ..plain().owner };
    let token = |number, owner: &OwnerRecord| Issued {
        token: TokenRecord { number, owner: owner.number, expires_at: Some(Timestamp(99)), ..plain().token },
        owner: owner.clone(),
    };
    let (ada, bob) = (member(6), member(12));
    Content {
        without_addresses: true,
        without_weak: false,
        bits: 1,
        issued: [([1; 32], token(7, &ada)), ([0xfe; 32], token(8, &bob))]
            .map(|(digest, issued)| (Digest::from_bytes(digest), issued))
            .into(),
        owners: vec![((5, 9), [(6, ada)].into()), ((10, 300), [(12, bob)].into())],
    }
}

proptest! {
    /// Compared with one segment of everything, which other tests compare with the ledger.
    #[test]
    fn snapshot_contains_exactly_its_tokens(content in content(), others in vec(any::<[u8; 32]>(), 20)) {
        let parts = content.parts();
        let snapshot = checked(&parts.file()).unwrap().unwrap();
        prop_assert_eq!(snapshot.workspace(), key());
        prop_assert_eq!((snapshot.as_of(), snapshot.expires_at()), (parts.head.as_of, parts.head.expires_at));
        prop_assert_eq!(&snapshot.manifest().encode(), &parts.manifest);
        prop_assert_eq!(snapshot.manifest().header(), &content.about());
        let everything = content.segment(DigestPrefix::NONE);
        for (digest, Issued { token, .. }) in &content.issued {
            let found = snapshot.find(digest).unwrap();
            prop_assert_eq!((found.number, found.owner), (token.number, token.owner));
            for digest in (0..256).map(|bit| flipped(digest, bit)).chain([*digest]) {
                prop_assert_eq!(snapshot.find(&digest), everything.find(&digest));
            }
        }
        for other in others {
            prop_assert_eq!(snapshot.find(&Digest::from_bytes(other)), None);
        }
    }

    #[test]
    fn every_member_is_found_and_no_other_number(content in content(), others in vec(any::<u64>(), 20)) {
        let snapshot = Snapshot::open(&content.parts().file()).unwrap();
        let ends = content.owners.iter().flat_map(|((first, last), _)| [*first, *last]);
        let numbers = ends.chain(content.issued.values().map(|issued| issued.owner.number));
        let near = numbers.flat_map(|number| [number.saturating_sub(1), number, number.saturating_add(1)]);
        for number in near.chain(others) {
            let member = content.owners.iter().find_map(|(_, owners)| owners.get(&number));
            prop_assert_eq!(snapshot.owner(number), member.cloned());
        }
    }

    #[test]
    fn snapshot_size_counts_everything_it_holds(content in content()) {
        let parts = content.parts();
        let segments: usize = DigestPrefix::all(content.bits).map(|prefix| content.segment(prefix).size()).sum();
        let owners: usize = content.owner_segments().map(|segment| segment.size()).sum();
        let lists = (size_of::<NamedSegment>() << content.bits) + size_of::<NamedOwners>() * content.owners.len();
        let texts = workspace().slug.len();
        let size = Snapshot::open(&parts.file()).unwrap().size();
        prop_assert_eq!(size, size_of::<Snapshot>() + segments + owners + lists + texts);
    }

    #[test]
    fn opening_any_bytes_terminates_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(Snapshot::open(&bytes).is_err());
        // After the head: the manifest follows the signature.
        let parts = Parts::with(key(), bytes.clone(), vec![bytes]);
        prop_assert!(parts.error().is_some());
    }
}

#[test]
fn snapshot_with_the_maximum_of_segments_opens() {
    let content = Content { bits: DigestPrefix::MAX_BITS, ..small() };
    let snapshot = Snapshot::open(&content.parts().file()).unwrap();
    for (digest, Issued { token, .. }) in &content.issued {
        assert_eq!(snapshot.find(digest).unwrap().number, token.number);
        assert_eq!(snapshot.find(&flipped(digest, 15)), None);
    }
}

/// The signature detects changes of the signed part; the hashes and the canonical encoding detect all others.
#[test]
fn snapshot_with_any_bit_flipped_is_rejected() {
    let file = small().parts().file();
    assert!(checked(&file).unwrap().is_ok());
    for bit in 0..8 * file.len() {
        let mut changed = file.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if bit < 8 * SIGNED {
            assert!(checked(&changed).is_none(), "bit {bit}");
        } else {
            assert!(Snapshot::open(&changed).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn truncated_or_extended_files_are_rejected() {
    let parts = small().parts();
    let (file, begin) = (parts.file(), parts.begin().len());
    for length in 0..file.len() {
        let cut = &file[..length];
        let expected = match length {
            0..SIGNED => SnapshotError::Head(RecordError::Malformed),
            _ if length < begin => SnapshotError::Manifest(OpenError::OtherBytes),
            _ => SnapshotError::Files,
        };
        assert_eq!(Snapshot::open(cut).err(), Some(expected), "{length}");
        assert_eq!(Snapshot::signed(cut).is_some(), length >= SIGNED, "{length}");
    }
    for more in [&[0][..], &[0, 0], b"\x01p", &file] {
        assert_eq!(Snapshot::open(&[&file, more].concat()).err(), Some(SnapshotError::Files), "{more:?}");
    }
}

#[test]
fn invalid_snapshot_heads_are_rejected() {
    let good = small().parts();
    let open = |change: &dyn Fn(&mut SnapshotHead)| {
        let mut parts = good.clone();
        change(&mut parts.head);
        parts.error()
    };
    let malformed = Some(SnapshotError::Head(RecordError::Malformed));
    assert_eq!(open(&|_| {}), None);
    assert_eq!(open(&|head| head.expires_at = head.as_of.plus(1)), None);
    assert_eq!(open(&|head| head.expires_at = head.as_of), malformed);
    assert_eq!(open(&|head| head.as_of = head.expires_at.plus(1)), malformed);
    assert_eq!(open(&|head| head.workspace = elsewhere()), Some(SnapshotError::Manifest(OpenError::OtherContent)));
    let file = good.file();
    for (at, byte, error) in
        [(0, 2, RecordError::UnknownFormat), (1, b's', RecordError::Malformed), (2, b'-', RecordError::Malformed)]
    {
        let mut changed = file.clone();
        changed[at] = byte;
        assert_eq!(Snapshot::open(&changed).err(), Some(SnapshotError::Head(error)), "{at}");
    }
}

#[test]
fn snapshot_with_another_manifest_is_rejected() {
    let good = small().parts();
    let other = Content { without_weak: true, ..small() }.parts();
    let swapped = Parts { manifest: other.manifest.clone(), ..good.clone() };
    assert_eq!(swapped.error(), Some(SnapshotError::Manifest(OpenError::OtherBytes)));
    let renamed = Parts { head: other.head, ..good.clone() };
    assert_eq!(renamed.error(), Some(SnapshotError::Manifest(OpenError::OtherBytes)));

    // A signed head is not trusted blindly: it must name a manifest, of the same workspace.
    let manifest = Manifest::decode(&good.manifest).unwrap();
    let about =
        ManifestHeader { workspace: WorkspaceRecord { key: elsewhere(), ..workspace() }, ..manifest.header().clone() };
    let theirs = Manifest::new(about, manifest.segments().to_vec(), manifest.owners().to_vec()).unwrap();
    for (manifest, error) in [
        (theirs.encode(), OpenError::OtherContent),
        ([&good.manifest[..], &[0]].concat(), OpenError::Unreadable(RecordError::Malformed)),
        ([&[2], &good.manifest[1..]].concat(), OpenError::Unreadable(RecordError::UnknownFormat)),
        (vec![], OpenError::Unreadable(RecordError::Malformed)),
    ] {
        let parts = Parts::with(key(), manifest, good.files.clone());
        assert_eq!(parts.error(), Some(SnapshotError::Manifest(error)));
    }
}

#[test]
fn snapshot_files_not_named_by_the_manifest_are_rejected() {
    let good = small().parts();
    let open = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut parts = good.clone();
        change(&mut parts.files);
        parts.error()
    };
    assert_eq!(good.files.len(), 4);
    assert_eq!(open(&|files| files.swap(0, 1)), Some(SnapshotError::Segment(OpenError::OtherBytes)));
    assert_eq!(open(&|files| files.swap(1, 2)), Some(SnapshotError::Segment(OpenError::OtherBytes)));
    assert_eq!(open(&|files| files.swap(2, 3)), Some(SnapshotError::Owners(OpenError::OtherBytes)));
    let other = Content { issued: BTreeMap::new(), ..small() }.parts();
    for at in [0, 1] {
        let replace = |files: &mut Vec<Vec<u8>>| files[at].clone_from(&other.files[at]);
        assert_eq!(open(&replace), Some(SnapshotError::Segment(OpenError::OtherBytes)));
    }
    for at in 0..4 {
        assert_eq!(open(&|files| _ = files.remove(at)), Some(SnapshotError::Files));
        assert_eq!(open(&|files| files.insert(at, files[at].clone())), Some(SnapshotError::Files));
    }
    assert_eq!(open(&|files| files[3].clear()), Some(SnapshotError::Owners(OpenError::OtherBytes)));
}

/// A signed manifest names files with other content.
#[test]
fn snapshot_files_that_contradict_the_manifest_are_rejected() {
    let good = small().parts();
    let manifest = Manifest::decode(&good.manifest).unwrap();
    let with = |segments: &[NamedSegment], owners: &[NamedOwners], files: &[Vec<u8>]| {
        let manifest = Manifest::new(manifest.header().clone(), segments.to_vec(), owners.to_vec()).unwrap();
        Parts::of(&manifest, files.to_vec()).error()
    };
    let (segments, owners, files) = (manifest.segments(), manifest.owners(), &good.files);
    assert_eq!(with(segments, owners, files), None);
    let [first, second] = [segments[0], segments[1]];
    let exchanged = [files[1].clone(), files[0].clone(), files[2].clone(), files[3].clone()];
    let error = with(&[second, first], owners, &exchanged);
    assert_eq!(error, Some(SnapshotError::Segment(OpenError::OtherContent)));
    let wider = NamedOwners { last: 301, ..owners[1] };
    assert_eq!(with(segments, &[owners[0], wider], files), Some(SnapshotError::Owners(OpenError::OtherContent)));
    let none = NamedSegment { name: ContentHash::of(b""), tokens: 0 };
    let emptied = [files[0].clone(), vec![], files[2].clone(), files[3].clone()];
    let error = OpenError::Unreadable(RecordError::Malformed);
    assert_eq!(with(&[first, none], owners, &emptied), Some(SnapshotError::Segment(error)));
}

#[test]
fn length_prefix_allocates_nothing_and_has_one_encoding() {
    let good = small().parts();
    let head = &good.begin()[..SIGNED];
    let length = good.manifest.len();
    assert_eq!(Snapshot::announce(length).len(), 2);
    let padded = vec![length as u8 | 0x80, (length >> 7) as u8 | 0x80, 0];
    for announced in [Snapshot::announce(usize::MAX), vec![0xff; 10], padded, Snapshot::announce(length + 1)] {
        let file = [head, &announced, &good.manifest].concat();
        let error = SnapshotError::Manifest(OpenError::OtherBytes);
        assert_eq!(Snapshot::open(&file).err(), Some(error), "{announced:?}");
    }
    let (begin, rest) = (good.begin(), &good.file()[good.begin().len()..]);
    let [length, files @ ..] = rest else { panic!("no files") };
    assert!(*length < 0x80);
    for announced in [Snapshot::announce(usize::MAX), vec![0xff; 10], vec![length | 0x80, 0]] {
        let file = [&begin, &announced, files].concat();
        assert_eq!(Snapshot::open(&file).err(), Some(SnapshotError::Files), "{announced:?}");
    }
}

/// The format, implemented independently from docs/format.md.
#[test]
fn snapshot_layout_matches_the_format_description() {
    let Parts { head, manifest, files } = small().parts();
    let mut described = b"\x01p0Ab3dE\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11".to_vec();
    described.extend(Digest::of(&manifest).as_bytes());
    assert_eq!(head.to_sign()[..], described);
    let signature = snapshot_key().sign(&described).to_bytes();
    described.extend(signature);
    assert_eq!(manifest.len(), 0x80 + 30);
    described.extend([0x80 | 30, 1]);
    described.extend(&manifest);
    assert_eq!(head.begin(&signature, &manifest), described);
    for file in &files {
        described.push(file.len() as u8);
        described.extend(file);
    }
    assert_eq!(small().parts().file(), described);
    let (to_sign, signed_by) = Snapshot::signed(&described).unwrap();
    assert_eq!((*to_sign, *signed_by), (head.to_sign(), signature));
}
