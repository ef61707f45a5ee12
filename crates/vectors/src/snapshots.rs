//! Test vectors of snapshots: their bytes, what look-ups find, and files that are rejected.

use super::segments::{GENERATION, NOW, key, owners, tokens, workspace};
use anyhow::{Context as _, Result, ensure};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded as _, Manifest, ManifestHeader, NamedOwners, NamedSegment, OwnerRecord,
    OwnerSegmentBuilder, OwnersHeader, RecordError, SegmentBuilder, SegmentHeader, Snapshot, SnapshotError,
    SnapshotHead, Timestamp, TokenRecord,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use serde::Serialize;

/// Workspaces, each in one signed file.
#[derive(Serialize)]
pub(super) struct Snapshots {
    format: u32,
    /// The key of the first example in RFC 8032, which is obviously not a secret.
    secret_key: String,
    public_key: String,
    snapshots: Vec<SnapshotCase>,
    refused: Vec<RefusedCase>,
}

#[derive(Serialize)]
struct SnapshotCase {
    why: &'static str,
    workspace: WorkspaceKey,
    as_of: Timestamp,
    expires_at: Timestamp,
    manifest: Manifest,
    tokens: Vec<TokenCase>,
    owners: Vec<OwnerCase>,
    bytes: String,
}

/// The result of looking up a digest; `None` if the snapshot has no such token.
#[derive(Serialize)]
struct TokenCase {
    digest: Digest,
    found: Option<TokenRecord>,
}

/// The result of looking up a member number, and whether the snapshot covers it.
#[derive(Serialize)]
struct OwnerCase {
    number: u64,
    covered: bool,
    found: Option<OwnerRecord>,
}

/// A file that is rejected, and the first error that is found: the signature is checked before everything else.
#[derive(Serialize)]
struct RefusedCase {
    why: String,
    bytes: String,
    error: &'static str,
}

/// The parts of a snapshot.
#[derive(Clone)]
struct Parts {
    head: SnapshotHead,
    manifest: Manifest,
    /// The segments, then the owner segments.
    files: Vec<Vec<u8>>,
}

const SECRET: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// The length of the head, and of the head with its signature.
const HEAD: usize = 56;
const SIGNED: usize = HEAD + 64;

pub(super) fn vectors() -> Result<Snapshots> {
    let [exported, full, no_owners] = good()?;
    Ok(Snapshots {
        format: 1,
        secret_key: hex::encode(SECRET),
        public_key: hex::encode(snapshot_key().verifying_key().as_bytes()),
        snapshots: vec![
            snapshot("four segments and two owner segments, without addresses and low-entropy imports", &exported)?,
            snapshot("one segment and one owner segment, with all fields; some member numbers are not covered", &full)?,
            snapshot("no owner segments, so no member number is covered", &no_owners)?,
        ],
        refused: refused(&exported)?,
    })
}

fn good() -> Result<[Parts; 3]> {
    let exported = Parts::new(true, 2, &[(1, 299), (300, u64::MAX)])?;
    Ok([exported, Parts::new(false, 0, &[(2, 100)])?, Parts::new(true, 0, &[])?])
}

/// The files of the snapshots, in the order of the vectors.
pub(super) fn files() -> Result<[Vec<u8>; 3]> {
    Ok(good()?.map(|parts| parts.file()))
}

fn snapshot_key() -> SigningKey {
    SigningKey::from_bytes(&SECRET)
}

fn signature(head: &[u8; HEAD]) -> [u8; 64] {
    snapshot_key().sign(head).to_bytes()
}

impl Parts {
    /// All tokens and members: one segment for each prefix of `bits` bits, one owner segment for each range.
    fn new(is_exported: bool, bits: u8, ranges: &[(u64, u64)]) -> Result<Self> {
        let (mut files, mut segments, mut covering) = (Vec::new(), Vec::new(), Vec::new());
        for prefix in DigestPrefix::all(bits) {
            let mut builder = SegmentBuilder::new(SegmentHeader {
                workspace: key()?,
                generation: GENERATION,
                without_addresses: is_exported,
                without_weak: is_exported,
                prefix,
            });
            for (digest, token, revoked_before) in tokens()?.iter().filter(|(digest, ..)| prefix.begins(digest)) {
                builder.push(digest, token, *revoked_before)?;
            }
            let tokens = builder.len() as u64;
            let file = builder.finish();
            segments.push(NamedSegment { name: ContentHash::of(&file), tokens });
            files.push(file);
        }
        for &(first, last) in ranges {
            let header = OwnersHeader { workspace: key()?, generation: GENERATION, first, last };
            let mut builder = OwnerSegmentBuilder::new(header).context("the range ends before it begins")?;
            for owner in owners()?.iter().filter(|owner| (first..=last).contains(&owner.number)) {
                builder.push(owner)?;
            }
            let file = builder.finish();
            covering.push(NamedOwners { first, last, name: ContentHash::of(&file) });
            files.push(file);
        }
        let header = ManifestHeader {
            epoch: 2,
            generation: GENERATION,
            without_addresses: is_exported,
            without_weak: is_exported,
            workspace: workspace()?,
        };
        Self::of(Manifest::new(header, segments, covering)?, files)
    }

    /// A snapshot with a head for this manifest.
    fn of(manifest: Manifest, files: Vec<Vec<u8>>) -> Result<Self> {
        let head = SnapshotHead {
            workspace: key()?,
            as_of: Timestamp(NOW),
            expires_at: Timestamp(NOW + 3_600_000),
            manifest: ContentHash::of(&manifest.encode()),
        };
        Ok(Self { head, manifest, files })
    }

    /// The same snapshot with a changed head.
    fn headed(&self, change: impl FnOnce(&mut SnapshotHead)) -> Self {
        let mut parts = self.clone();
        change(&mut parts.head);
        parts
    }

    /// The same snapshot with changed files.
    fn filed(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Self {
        let mut parts = self.clone();
        change(&mut parts.files);
        parts
    }

    /// The same snapshot with a changed manifest, and the head that names it.
    fn named(
        &self,
        change: impl FnOnce(&mut ManifestHeader, &mut Vec<NamedSegment>, &mut Vec<NamedOwners>),
    ) -> Result<Self> {
        let Self { manifest, files, .. } = self.clone();
        let (mut header, mut segments, mut covering) =
            (manifest.header().clone(), manifest.segments().to_vec(), manifest.owners().to_vec());
        change(&mut header, &mut segments, &mut covering);
        Self::of(Manifest::new(header, segments, covering)?, files)
    }

    fn file(&self) -> Vec<u8> {
        let manifest = self.manifest.encode();
        let mut file = self.head.begin(&signature(&self.head.to_sign()), &manifest);
        for part in &self.files {
            file.extend(Snapshot::announce(part.len()));
            file.extend(part);
        }
        file
    }
}

/// The first error that is found in a file.
fn error_of(file: &[u8]) -> Option<&'static str> {
    let is_signed = Snapshot::signed(file).is_some_and(|(head, signature)| {
        snapshot_key().verifying_key().verify_strict(head, &Signature::from_bytes(signature)).is_ok()
    });
    if !is_signed {
        return Some("SIGNATURE");
    }
    Some(match Snapshot::open(file).err()? {
        SnapshotError::Head(RecordError::UnknownFormat) => "UNKNOWN_FORMAT",
        SnapshotError::Head(RecordError::Malformed) => "HEAD",
        SnapshotError::Manifest(_) => "MANIFEST",
        SnapshotError::Files => "FILES",
        SnapshotError::Segment(_) => "SEGMENT",
        SnapshotError::Owners(_) => "OWNERS",
    })
}

fn snapshot(why: &'static str, parts: &Parts) -> Result<SnapshotCase> {
    let bytes = parts.file();
    ensure!(error_of(&bytes).is_none(), "{why}: is rejected");
    let snapshot = Snapshot::open(&bytes)?;
    let issued = tokens()?;
    let others = (0..3).map(|n| Digest::of(format!("other {n}").as_bytes()));
    // Digests that differ from a token's in one bit of the part that segments store.
    let adjacent = issued.iter().map(|(digest, ..)| {
        let mut bytes = *digest.as_bytes();
        bytes[15] ^= 1;
        Digest::from_bytes(bytes)
    });
    let digests = issued.iter().map(|(digest, ..)| *digest).chain(adjacent).chain(others);
    let tokens: Vec<_> = digests.map(|digest| TokenCase { digest, found: snapshot.find(&digest) }).collect();
    ensure!(
        tokens.iter().filter(|case| case.found.is_some()).count() == issued.len(),
        "{why}: the tokens that are found are not those that were issued"
    );
    let owners = [0, 1, 2, 3, 4, 100, 101, 299, 300, 301, u64::MAX].map(|number| OwnerCase {
        number,
        covered: snapshot.manifest().owners_of(number).is_some(),
        found: snapshot.owner(number),
    });
    Ok(SnapshotCase {
        why,
        workspace: snapshot.workspace(),
        as_of: snapshot.as_of(),
        expires_at: snapshot.expires_at(),
        manifest: snapshot.manifest().clone(),
        tokens,
        owners: owners.into(),
        bytes: hex::encode(bytes),
    })
}

/// Files that are truncated, too long, not signed by the key, or combined from parts that do not belong together.
fn refused(good: &Parts) -> Result<Vec<RefusedCase>> {
    let file = good.file();
    let manifest = good.manifest.encode();
    let begin = SIGNED + Snapshot::announce(manifest.len()).len() + manifest.len();
    let mut cases = Vec::new();
    for length in [0, 1, 2, HEAD - 1, HEAD, SIGNED - 1, SIGNED, SIGNED + 1, begin - 1, begin, begin + 1, file.len() - 1]
    {
        cases.push((format!("truncated to {length} bytes"), file[..length].to_vec()));
    }
    let mut case = |why: &str, bytes: Vec<u8>| cases.push((why.to_owned(), bytes));

    case("signed by another key", {
        let signature = SigningKey::from_bytes(&[1; 32]).sign(&good.head.to_sign()).to_bytes();
        [&file[..HEAD], &signature, &file[SIGNED..]].concat()
    });
    case("the expiration time is later than the signed one", {
        let later = good.headed(|head| head.expires_at = head.expires_at.plus(1)).file();
        [&later[..HEAD], &file[HEAD..]].concat()
    });
    case("not signed", [&file[..HEAD], &[0; 64], &file[SIGNED..]].concat());

    for (why, at, byte) in
        [("format 0", 0, 0), ("format 2", 0, 2), ("an unknown kind", 1, b'x'), ("an invalid workspace key", 2, b'-')]
    {
        let mut head = good.head.to_sign();
        head[at] = byte;
        case(why, [&head[..], &signature(&head), &file[SIGNED..]].concat());
    }
    case("expires when it is issued", good.headed(|head| head.expires_at = head.as_of).file());
    case("expires before it is issued", good.headed(|head| head.expires_at = Timestamp(head.as_of.0 - 1)).file());

    case("names another manifest", good.headed(|head| head.manifest = ContentHash::from_bytes([7; 32])).file());
    case("names a segment as its manifest", {
        let segment = &good.files[0];
        let head = SnapshotHead { manifest: ContentHash::of(segment), ..good.head };
        head.begin(&signature(&head.to_sign()), segment)
    });
    let theirs = WorkspaceKey::parse("0Zzzzz")?;
    case("the manifest of another workspace", good.named(|header, _, _| header.workspace.key = theirs)?.file());
    case("the head of another workspace", good.headed(|head| head.workspace = theirs).file());
    case("the manifest's length not in its shortest encoding", lengthened(&file, SIGNED));
    let flags = good.named(|header, _, _| header.without_weak = false)?;
    case("segments without low-entropy imports, and a manifest that claims to include them", flags.file());
    case("two segments swapped, and their names too", {
        let swapped = good.named(|_, segments, _| segments.swap(0, 1))?;
        swapped.filed(|files| files.swap(0, 1)).file()
    });
    case("a range that differs from the owner segment's", good.named(|_, _, covering| covering[1].last -= 1)?.file());

    case("one byte too many", [&file[..], &[0]].concat());
    case("the file twice", [&file[..], &file].concat());
    case("a file's length not in its shortest encoding", lengthened(&file, begin));
    case("two segments swapped", good.filed(|files| files.swap(0, 1)).file());
    case("two owner segments swapped", good.filed(|files| files.swap(4, 5)).file());
    case("a file is missing", good.filed(|files| _ = files.pop()).file());
    case("one file too many", good.filed(|files| files.push(files[0].clone())).file());
    case("an empty file", good.filed(|files| files[5].clear()).file());
    cases
        .into_iter()
        .map(|(why, bytes)| {
            let error = error_of(&bytes).with_context(|| format!("{why}: is accepted"))?;
            Ok(RefusedCase { why, bytes: hex::encode(bytes), error })
        })
        .collect()
}

/// Lengthens the encoding of the number at this position by a zero byte.
fn lengthened(file: &[u8], at: usize) -> Vec<u8> {
    let end = at + file[at..].iter().take_while(|byte| **byte >= 0x80).count();
    [&file[..end], &[file[end] | 0x80, 0], &file[end + 1..]].concat()
}
