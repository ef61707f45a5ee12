//! Opening arbitrary bytes as a snapshot never panics, and a segment in a snapshot gives the same results as alone.

#![no_main]

use counterfoil_token::Digest;
use counterfoil_verify::{
    DigestPrefix, Encoded, Manifest, ManifestHeader, ContentHash, NamedSegment, Segment, Snapshot, SnapshotHead, Timestamp,
    WorkspaceRecord,
};
use libfuzzer_sys::fuzz_target;

/// A snapshot with this manifest and these files, without a valid signature.
fn snapshot(workspace: &WorkspaceRecord, manifest: &[u8], files: &[&[u8]]) -> Vec<u8> {
    let head = SnapshotHead {
        workspace: workspace.key,
        as_of: Timestamp(0),
        expires_at: Timestamp(1),
        manifest: ContentHash::of(manifest),
    };
    let mut snapshot = head.begin(&[0; 64], manifest);
    for file in files {
        snapshot.extend(Snapshot::announce(file.len()));
        snapshot.extend(*file);
    }
    snapshot
}

fuzz_target!(|file: &[u8]| {
    _ = Snapshot::open(file);
    // Mutations do not find hashes, so the input is wrapped in a snapshot with the correct ones.
    if let Ok(manifest) = Manifest::decode(file) {
        _ = Snapshot::open(&snapshot(&manifest.header().workspace, file, &[]));
    }
    if let Ok(segment) = Segment::open(file)
        && segment.header().prefix == DigestPrefix::NONE
    {
        let header = segment.header();
        let workspace = WorkspaceRecord {
            version: 0,
            key: header.workspace,
            slug: "fuzz".into(),
            suspended: false,
            has_imports: true,
            freshness: vec![],
        };
        let manifest_header = ManifestHeader {
            epoch: 0,
            generation: header.generation,
            without_addresses: header.without_addresses,
            without_weak: header.without_weak,
            workspace,
        };
        let named = NamedSegment { name: ContentHash::of(file), tokens: segment.len() as u64 };
        let manifest = Manifest::new(manifest_header, vec![named], vec![]).expect("one segment is a valid manifest");
        let file = snapshot(&manifest.header().workspace, &manifest.encode(), &[file]);
        let snapshot = Snapshot::open(&file).expect("a snapshot with correct hashes opens");
        for (truncated, token) in segment.tokens() {
            let mut digest = [0; 32];
            digest[..16].copy_from_slice(&truncated);
            assert_eq!(snapshot.find(&Digest::from_bytes(digest)), Some(token));
        }
    }
});
