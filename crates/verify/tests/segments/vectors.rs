//! Replays `segments.json` and `snapshots.json` of `tests/vectors`, the contract with deployed verifiers: every version
//! must read the files of every other.

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded, Manifest, OwnerRecord, OwnerSegment, OwnerSegmentBuilder, OwnersHeader,
    RecordError, Segment, SegmentBuilder, SegmentHeader, Snapshot, SnapshotError, SnapshotHead, Timestamp, TokenRecord,
};
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Segments {
    format: u32,
    segments: Vec<SegmentCase>,
    owners: Vec<OwnersCase>,
    manifests: Vec<ManifestCase>,
    refused: Vec<RefusedCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentCase {
    why: String,
    header: Value,
    tokens: Vec<TokenCase>,
    unknown: Vec<Digest>,
    bytes: String,
    name: ContentHash,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenCase {
    digest: Digest,
    revoked_before: u64,
    token: TokenRecord,
    found: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnersCase {
    why: String,
    header: Value,
    owners: Vec<OwnerRecord>,
    bytes: String,
    name: ContentHash,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestCase {
    why: String,
    manifest: Value,
    bytes: String,
    name: ContentHash,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedCase {
    why: String,
    kind: String,
    bytes: String,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshots {
    format: u32,
    secret_key: String,
    public_key: String,
    snapshots: Vec<SnapshotCase>,
    refused: Vec<RefusedSnapshot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotCase {
    why: String,
    workspace: WorkspaceKey,
    as_of: Timestamp,
    expires_at: Timestamp,
    manifest: Value,
    tokens: Vec<FoundToken>,
    owners: Vec<FoundOwner>,
    bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundToken {
    digest: Digest,
    found: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundOwner {
    number: u64,
    covered: bool,
    found: Option<OwnerRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedSnapshot {
    why: String,
    bytes: String,
    error: String,
}

fn vectors() -> Segments {
    let vectors: Segments = serde_json::from_str(include_str!("../../../../tests/vectors/segments.json")).unwrap();
    assert_eq!(vectors.format, 1);
    vectors
}

/// The file's bytes, after their name and path were verified.
fn file(bytes: &str, name: ContentHash, path: &str, workspace: &Value) -> Vec<u8> {
    let bytes = hex::decode(bytes).unwrap();
    assert_eq!(ContentHash::of(&bytes), name);
    let workspace = WorkspaceKey::parse(workspace.as_str().unwrap()).unwrap();
    assert_eq!(name.path(workspace), path);
    assert_eq!(path, format!("s/{workspace}/{name}"));
    bytes
}

#[test]
fn segments_match_the_vectors_in_both_directions() {
    let segments = vectors().segments;
    assert!(segments.iter().map(|case| case.tokens.len()).sum::<usize>() >= 12);
    for SegmentCase { why, header, tokens, unknown, bytes, name, path } in segments {
        let bytes = file(&bytes, name, &path, &header["workspace"]);
        let number = |at: &str| header.pointer(at).and_then(Value::as_u64).unwrap();
        let flag = |name: &str| header[name].as_bool().unwrap();
        let mut builder = SegmentBuilder::new(SegmentHeader {
            workspace: serde_json::from_value(header["workspace"].clone()).unwrap(),
            generation: number("/generation"),
            without_addresses: flag("without_addresses"),
            without_weak: flag("without_weak"),
            prefix: DigestPrefix::new(number("/prefix/bits") as u8, number("/prefix/value") as u16).unwrap(),
        });
        let segment = Segment::open(bytes.clone()).unwrap();
        assert_eq!(serde_json::to_value(segment.header()).unwrap(), header, "{why}");
        for TokenCase { digest, revoked_before, token, found } in &tokens {
            builder.push(digest, token, *revoked_before).unwrap();
            assert_eq!(serde_json::to_value(segment.find(digest)).unwrap(), *found, "{why}: {digest}");
        }
        assert_eq!(hex::encode(builder.finish()), hex::encode(bytes), "{why}");
        assert_eq!(segment.len(), tokens.len(), "{why}");
        for digest in unknown {
            assert!(segment.covers(&digest) && segment.find(&digest).is_none(), "{why}: {digest}");
        }
    }
}

#[test]
fn owner_segments_match_the_vectors_in_both_directions() {
    let owners = vectors().owners;
    assert!(owners.len() > 1);
    for OwnersCase { why, header, owners, bytes, name, path } in owners {
        let bytes = file(&bytes, name, &path, &header["workspace"]);
        let number = |name: &str| header[name].as_u64().unwrap();
        let mut builder = OwnerSegmentBuilder::new(OwnersHeader {
            workspace: serde_json::from_value(header["workspace"].clone()).unwrap(),
            generation: number("generation"),
            first: number("first"),
            last: number("last"),
        })
        .unwrap();
        owners.iter().for_each(|owner| builder.push(owner).unwrap());
        assert_eq!(hex::encode(builder.finish()), hex::encode(&bytes), "{why}");
        let segment = OwnerSegment::open(bytes).unwrap();
        assert_eq!(serde_json::to_value(segment.header()).unwrap(), header, "{why}");
        assert!(segment.owners().eq(owners), "{why}");
    }
}

#[test]
fn manifests_match_the_vectors_and_open_their_files() {
    let Segments { segments, owners, manifests, .. } = vectors();
    let files = segments.into_iter().map(|case| (case.name, case.bytes));
    let files: BTreeMap<_, _> = files.chain(owners.into_iter().map(|case| (case.name, case.bytes))).collect();
    let mut opened = 0;
    for ManifestCase { why, manifest, bytes, name, path } in manifests {
        let bytes = file(&bytes, name, &path, &manifest["header"]["workspace"]["key"]);
        let read = Manifest::decode(&bytes).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), manifest, "{why}");
        assert_eq!(read.encode(), bytes, "{why}");
        for (prefix, named) in DigestPrefix::all(read.bits()).zip(read.segments()) {
            if let Some(file) = files.get(&named.name) {
                read.open_segment(prefix, hex::decode(file).unwrap()).unwrap();
                opened += 1;
            }
        }
        for range in read.owners() {
            read.open_owners(range.last, hex::decode(&files[&range.name]).unwrap()).unwrap();
            opened += 1;
        }
    }
    assert_eq!(opened, 4);
}

#[test]
fn invalid_segment_files_of_the_vectors_are_rejected() {
    let refused = vectors().refused;
    assert!(refused.len() > 50);
    for RefusedCase { why, kind, bytes, error } in refused {
        let bytes = hex::decode(bytes).unwrap();
        let expected = match error.as_str() {
            "MALFORMED" => RecordError::Malformed,
            "UNKNOWN_FORMAT" => RecordError::UnknownFormat,
            other => panic!("{other}"),
        };
        let opened = match kind.as_str() {
            "segment" => Segment::open(bytes).err(),
            "owners" => OwnerSegment::open(bytes).err(),
            "manifest" => Manifest::decode(&bytes).err(),
            other => panic!("{other}"),
        };
        assert_eq!(opened, Some(expected), "{kind}: {why}");
    }
}

/// The snapshots, and the key that signed them.
fn snapshots() -> (Snapshots, SigningKey) {
    let vectors: Snapshots = serde_json::from_str(include_str!("../../../../tests/vectors/snapshots.json")).unwrap();
    assert_eq!(vectors.format, 1);
    let key = SigningKey::from_bytes(&hex::decode(&vectors.secret_key).unwrap().try_into().unwrap());
    assert_eq!(hex::encode(key.verifying_key().as_bytes()), vectors.public_key);
    (vectors, key)
}

#[test]
fn snapshots_of_the_vectors_contain_their_tokens_and_members() {
    let (Snapshots { snapshots, .. }, key) = snapshots();
    assert!(snapshots.len() > 2);
    for SnapshotCase { why, workspace, as_of, expires_at, manifest, tokens, owners, bytes } in snapshots {
        let file = hex::decode(bytes).unwrap();
        let snapshot = Snapshot::open(&file).unwrap();
        assert_eq!(serde_json::to_value(snapshot.manifest()).unwrap(), manifest, "{why}");
        let manifest = snapshot.manifest().encode();
        let head = SnapshotHead { workspace, as_of, expires_at, manifest: ContentHash::of(&manifest) };
        let begin = head.begin(&key.sign(&head.to_sign()).to_bytes(), &manifest);
        assert_eq!(hex::encode(&file[..begin.len()]), hex::encode(begin), "{why}");
        for FoundToken { digest, found } in tokens {
            assert_eq!(serde_json::to_value(snapshot.find(&digest)).unwrap(), found, "{why}: {digest}");
        }
        for FoundOwner { number, covered, found } in owners {
            assert_eq!(snapshot.manifest().owners_of(number).is_some(), covered, "{why}: {number}");
            assert_eq!(snapshot.owner(number), found, "{why}: {number}");
        }
    }
}

#[test]
fn invalid_snapshots_of_the_vectors_are_rejected() {
    let (Snapshots { refused, .. }, key) = snapshots();
    assert!(refused.len() > 30);
    let is_signed = |file: &[u8]| {
        let (head, signature) = Snapshot::signed(file)?;
        key.verifying_key().verify_strict(head, &Signature::from_bytes(signature)).ok()
    };
    for RefusedSnapshot { why, bytes, error } in refused {
        let file = hex::decode(bytes).unwrap();
        let found = match Snapshot::open(&file).err() {
            _ if is_signed(&file).is_none() => "SIGNATURE",
            Some(SnapshotError::Head(RecordError::UnknownFormat)) => "UNKNOWN_FORMAT",
            Some(SnapshotError::Head(RecordError::Malformed)) => "HEAD",
            Some(SnapshotError::Manifest(_)) => "MANIFEST",
            Some(SnapshotError::Files) => "FILES",
            Some(SnapshotError::Segment(_)) => "SEGMENT",
            Some(SnapshotError::Owners(_)) => "OWNERS",
            None => "TAKEN",
        };
        assert_eq!(found, error, "{why}");
    }
}
