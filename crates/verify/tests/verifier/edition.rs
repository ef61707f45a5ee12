//! The ledger's editions and snapshots in these tests.

use crate::world::{Ledger, World, home};
use counterfoil_token::Digest;
use counterfoil_verify::{
    ContentHash, DigestPrefix, Edition, Encoded as _, Manifest, ManifestHeader, NamedOwners, NamedSegment,
    OwnerSegmentBuilder, OwnersHeader, SegmentBuilder, SegmentHeader, Snapshot, SnapshotHead, Timestamp,
};

/// The files of an edition, with the manifest last.
fn files(ledger: &Ledger, bits: u8, without_addresses: bool, weak: Option<&[Digest]>) -> Vec<Vec<u8>> {
    let generation = ledger.generation;
    let without_weak = weak.is_some();
    let is_left_out = |digest| weak.is_some_and(|weak| weak.contains(digest));
    let mut digests: Vec<_> = ledger.tokens.keys().filter(|digest| !is_left_out(digest)).collect();
    digests.sort_unstable();
    let mut files = Vec::new();
    let mut segments = Vec::new();
    for prefix in DigestPrefix::all(bits) {
        let header = SegmentHeader { workspace: home(), generation, without_addresses, without_weak, prefix };
        let mut builder = SegmentBuilder::new(header);
        for digest in digests.iter().filter(|digest| prefix.begins(digest)) {
            let token = &ledger.tokens[digest];
            builder.push(digest, token, ledger.owners[&token.owner].revoked_before).unwrap();
        }
        let tokens = builder.len() as u64;
        files.push(builder.finish());
        segments.push(NamedSegment { name: ContentHash::of(files.last().unwrap()), tokens });
    }
    let mut owners = Vec::new();
    for (number, owner) in &ledger.owners {
        let header = OwnersHeader { workspace: home(), generation, first: *number, last: *number };
        let mut builder = OwnerSegmentBuilder::new(header).unwrap();
        builder.push(owner).unwrap();
        files.push(builder.finish());
        owners.push(NamedOwners { first: *number, last: *number, name: ContentHash::of(files.last().unwrap()) });
    }
    let workspace = ledger.workspace.clone();
    let header = ManifestHeader { epoch: ledger.epoch, generation, without_addresses, without_weak, workspace };
    files.push(Manifest::new(header, segments, owners).unwrap().encode());
    files
}

impl World {
    /// Publishes all tokens of the home workspace in segments by so many bits of their digests, and each member in a
    /// segment of its own.
    pub(crate) fn publish_segments(&mut self, bits: u8) {
        self.publish_segments_without(bits, None);
    }

    /// The same without these third-party tokens; `None` if none are left out.
    pub(crate) fn publish_segments_without(&mut self, bits: u8, left_out: Option<&[Digest]>) {
        let ledger = &self.ledgers[&home()];
        let generation = ledger.generation;
        let files = files(ledger, bits, false, left_out);
        let manifest = ContentHash::of(files.last().unwrap());
        for file in files {
            self.registry.insert(ContentHash::of(&file).path(home()), file);
        }
        self.home().edition = Some(Edition { manifest, generation });
    }

    /// The registry keys of all files that are named by their hash.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files: Vec<_> = self.registry.keys().filter(|key| key.starts_with("s/")).cloned().collect();
        files.sort_unstable();
        files
    }

    /// An unsigned snapshot of the home workspace without these tokens; `None` if no low-entropy import is left out.
    pub(crate) fn snapshot(&self, as_of: Timestamp, expires_at: Timestamp, weak: Option<&[Digest]>) -> Snapshot {
        let mut files = files(&self.ledgers[&home()], 1, true, weak);
        let manifest = files.pop().unwrap();
        let head = SnapshotHead { workspace: home(), as_of, expires_at, manifest: ContentHash::of(&manifest) };
        let mut bytes = head.begin(&[0; 64], &manifest);
        for file in files {
            bytes.extend(Snapshot::announce(file.len()));
            bytes.extend(file);
        }
        Snapshot::open(&bytes).unwrap()
    }
}
