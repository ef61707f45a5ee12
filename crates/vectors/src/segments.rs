//! Test vectors of segments, owner segments and manifests: their contents, their bytes, and what look-ups find.

use super::verify::{World, patterns};
use anyhow::{Context as _, Result, ensure};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded as _, Manifest, ManifestHeader, NamedOwners, NamedSegment, OwnerRecord,
    OwnerSegment, OwnerSegmentBuilder, OwnersHeader, RecordError, ScopeSet, Segment, SegmentBuilder, SegmentHeader,
    Timestamp, TokenRecord, WorkspaceRecord,
};
use serde::Serialize;

/// The layout of files with many records.
#[derive(Serialize)]
pub(super) struct Segments {
    format: u32,
    segments: Vec<SegmentCase>,
    owners: Vec<OwnersCase>,
    manifests: Vec<ManifestCase>,
    refused: Vec<RefusedCase>,
}

#[derive(Serialize)]
struct SegmentCase {
    why: &'static str,
    header: SegmentHeader,
    tokens: Vec<TokenCase>,
    /// Digests that the segment covers but does not contain.
    unknown: Vec<Digest>,
    #[serde(flatten)]
    file: File,
}

/// A token's record in the ledger, and the record that the segment returns.
#[derive(Serialize)]
struct TokenCase {
    digest: Digest,
    revoked_before: u64,
    token: TokenRecord,
    found: TokenRecord,
}

#[derive(Serialize)]
struct OwnersCase {
    why: &'static str,
    header: OwnersHeader,
    owners: Vec<OwnerRecord>,
    #[serde(flatten)]
    file: File,
}

#[derive(Serialize)]
struct ManifestCase {
    why: &'static str,
    manifest: Manifest,
    #[serde(flatten)]
    file: File,
}

/// A file, its name, and its key in the registry.
#[derive(Serialize)]
struct File {
    bytes: String,
    name: ContentHash,
    path: String,
}

/// Bytes that are not a valid file of this kind, and why.
#[derive(Serialize)]
struct RefusedCase {
    why: String,
    kind: &'static str,
    bytes: String,
    error: &'static str,
}

pub(super) const GENERATION: u64 = 300;

/// 2027-01-01T00:00:00Z.
pub(super) const NOW: u64 = 1_798_761_600_000;

pub(super) fn vectors() -> Result<Segments> {
    let full = SegmentHeader {
        workspace: key()?,
        generation: GENERATION,
        without_addresses: false,
        without_weak: false,
        prefix: DigestPrefix::new(1, 0).context("a prefix")?,
    };
    let other_half = SegmentHeader { prefix: DigestPrefix::new(1, 1).context("a prefix")?, generation: 7, ..full };
    let exported = SegmentHeader { without_addresses: true, without_weak: true, ..full };
    let members = OwnersHeader { workspace: key()?, generation: GENERATION, first: 1, last: 1000 };
    let unassigned = OwnersHeader { first: 1001, last: u64::MAX, ..members };

    let (all, all_file) = segment("tokens with every optional field", full, &tokens()?)?;
    let (empty, empty_file) = segment("no tokens: no digest has the prefix", other_half, &[])?;
    let (snapshot, _) = segment("the same tokens, without addresses and low-entropy imports", exported, &tokens()?)?;
    let (owners, owners_file) = owner_segment("two members, in a range with unassigned numbers", members, &owners()?)?;
    let (rest, rest_file) = owner_segment("no members: the numbers are unassigned", unassigned, &[])?;

    let header = ManifestHeader {
        epoch: 2,
        generation: GENERATION,
        without_addresses: false,
        without_weak: false,
        workspace: workspace()?,
    };
    let parts = Manifest::new(
        header.clone(),
        vec![named(&all_file, tokens()?.len()), named(&empty_file, 0)],
        vec![
            NamedOwners { first: members.first, last: members.last, name: ContentHash::of(&owners_file) },
            NamedOwners { first: unassigned.first, last: unassigned.last, name: ContentHash::of(&rest_file) },
        ],
    )?;
    let least = Manifest::new(
        ManifestHeader { epoch: 0, without_addresses: true, without_weak: true, ..header },
        vec![NamedSegment { name: ContentHash::from_bytes([7; 32]), tokens: 0 }],
        vec![],
    )?;
    let refused = refused(&all_file, &empty_file, &owners_file, &rest_file, &parts)?;
    Ok(Segments {
        format: 1,
        segments: vec![all, snapshot, empty],
        owners: vec![owners, rest],
        manifests: vec![
            manifest("two segments and two owner segments of this file", parts)?,
            manifest("one segment and no owners", least)?,
        ],
        refused,
    })
}

pub(super) fn key() -> Result<WorkspaceKey> {
    Ok(WorkspaceKey::parse("0Ab3dE")?)
}

pub(super) fn workspace() -> Result<WorkspaceRecord> {
    Ok(WorkspaceRecord { has_imports: true, ..World::new()?.workspace })
}

pub(super) fn owners() -> Result<Vec<OwnerRecord>> {
    let grace = OwnerRecord {
        version: 12,
        number: 300,
        id: "grace".into(),
        suspended: true,
        grants: patterns(&["orders:*", "reports:read"])?,
        revoked_before: 12,
    };
    Ok(vec![World::new()?.owner, grace])
}

/// The tokens, sorted by digest, each with its owner's `revoked_before`.
pub(super) fn tokens() -> Result<Vec<(Digest, TokenRecord, u64)>> {
    let plain = TokenRecord {
        client_id: Some("game".into()),
        metadata: Some(r#"{"team":"ops"}"#.into()),
        ..World::new()?.token
    };
    let two = patterns(&["orders:read", "orders:write"])?;
    let expiring = TokenRecord { number: 13, expires_at: Some(Timestamp(NOW)), scopes: two.clone(), ..plain.clone() };
    let later = TokenRecord { number: 1000, expires_at: Some(Timestamp(NOW + 86_400_001)), ..plain.clone() };
    let of_another = TokenRecord { number: 14, owner: 300, scopes: patterns(&["*"])?, ..plain.clone() };
    let bound = TokenRecord {
        number: 15,
        addresses: vec!["192.0.2.0/24".parse()?, "2001:db8::/32".parse()?],
        scopes: two,
        ..plain.clone()
    };
    let full = TokenRecord {
        number: 16,
        revoked: true,
        enabled: false,
        not_before: Some(Timestamp(NOW - 1)),
        expires_at: Some(Timestamp(NOW + 1)),
        replaced_until: Some(Timestamp(NOW + 2)),
        addresses: vec!["0.0.0.0/0".parse()?],
        scopes: ScopeSet::default(),
        ..plain.clone()
    };
    let mut tokens = Vec::new();
    let given = [(plain, 0), (expiring, 5), (later, 0), (of_another, 12), (bound, 0), (full, 0)];
    for ((token, revoked_before), text) in given.into_iter().zip(texts()) {
        tokens.push((Digest::of(text.as_bytes()), token, revoked_before));
    }
    tokens.sort_unstable_by_key(|(digest, ..)| *digest);
    Ok(tokens)
}

/// The values of the tokens, in a third-party format, in the order in which `tokens` creates them. Their digests begin
/// with a 0 bit. All further values belong to no token.
pub(super) fn texts() -> impl Iterator<Item = String> {
    let texts = (0..).map(|n| format!("another-systems-token-{n}"));
    texts.filter(|text| Digest::of(text.as_bytes()).as_bytes()[0] < 0x80)
}

fn file(bytes: &[u8]) -> Result<File> {
    let name = ContentHash::of(bytes);
    Ok(File { bytes: hex::encode(bytes), name, path: name.path(key()?) })
}

fn named(file: &[u8], tokens: usize) -> NamedSegment {
    NamedSegment { name: ContentHash::of(file), tokens: tokens as u64 }
}

fn segment(
    why: &'static str,
    header: SegmentHeader,
    tokens: &[(Digest, TokenRecord, u64)],
) -> Result<(SegmentCase, Vec<u8>)> {
    let mut builder = SegmentBuilder::new(header);
    for (digest, token, revoked_before) in tokens {
        builder.push(digest, token, *revoked_before)?;
    }
    let bytes = builder.finish();
    let segment = Segment::open(bytes.clone())?;
    let found = |(digest, token, revoked_before): &(Digest, TokenRecord, u64)| {
        let found = segment.find(digest).context("the segment does not find a token")?;
        Ok(TokenCase { digest: *digest, revoked_before: *revoked_before, token: token.clone(), found })
    };
    let unknown = (0..).map(|n| Digest::of(format!("other {n}").as_bytes())).filter(|d| segment.covers(d));
    let unknown: Vec<_> = unknown.take(3).collect();
    ensure!(unknown.iter().all(|digest| segment.find(digest).is_none()));
    let tokens = tokens.iter().map(found).collect::<Result<_>>()?;
    Ok((SegmentCase { why, header, tokens, unknown, file: file(&bytes)? }, bytes))
}

fn owner_segment(why: &'static str, header: OwnersHeader, owners: &[OwnerRecord]) -> Result<(OwnersCase, Vec<u8>)> {
    let mut builder = OwnerSegmentBuilder::new(header).context("the range ends before it begins")?;
    for owner in owners {
        builder.push(owner)?;
    }
    let bytes = builder.finish();
    ensure!(
        OwnerSegment::open(bytes.clone())?.owners().eq(owners.iter().cloned()),
        "{why}: the bytes do not decode to the same value"
    );
    Ok((OwnersCase { why, header, owners: owners.to_vec(), file: file(&bytes)? }, bytes))
}

fn manifest(why: &'static str, manifest: Manifest) -> Result<ManifestCase> {
    let bytes = manifest.encode();
    ensure!(Manifest::decode(&bytes).as_ref() == Ok(&manifest), "{why}: the bytes do not decode to the same value");
    Ok(ManifestCase { why, manifest, file: file(&bytes)? })
}

/// Files that are truncated, too long, of another kind or format, or otherwise not in the form that the builder writes.
fn refused(full: &[u8], empty: &[u8], owners: &[u8], unassigned: &[u8], parts: &Manifest) -> Result<Vec<RefusedCase>> {
    let manifest = parts.encode();
    let mut cases = Vec::new();
    for (kind, good) in [("segment", empty), ("owners", unassigned)] {
        cases.extend(
            (0..good.len()).map(|length| (kind, format!("truncated to {length} bytes"), good[..length].to_vec())),
        );
    }
    for (kind, good) in [("segment", full), ("owners", owners), ("manifest", &manifest)] {
        let cut = good.len() - 1;
        cases.push((kind, format!("truncated to {cut} bytes"), good[..cut].to_vec()));
        cases.push((kind, "one byte too many".to_owned(), [good, &[0]].concat()));
        cases.push((kind, "an unknown kind".to_owned(), [&good[..1], b"x", &good[2..]].concat()));
        cases.push((kind, "format 0".to_owned(), [&[0], &good[1..]].concat()));
        cases.push((kind, "format 2".to_owned(), [&[2], &good[1..]].concat()));
    }
    let mut replaced = |kind, why: &str, good: &[u8], old: &[u8], new: &[u8]| -> Result<()> {
        let at = good.windows(old.len()).position(|window| window == old).context(why.to_owned())?;
        let bytes = [&good[..at], new, &good[at + old.len()..]].concat();
        cases.push((kind, why.to_owned(), bytes));
        Ok(())
    };
    let begin = b"0Ab3dE\xac\x02\x00\x00\x01\x00\x06";
    replaced("segment", "a flag that is neither 0 nor 1", full, begin, b"0Ab3dE\xac\x02\x02\x00\x01\x00\x06")?;
    replaced("segment", "a prefix with a bit beyond its length", full, begin, b"0Ab3dE\xac\x02\x00\x00\x01\x02\x06")?;
    replaced("segment", "a prefix that is not the digests'", full, begin, b"0Ab3dE\xac\x02\x00\x00\x01\x01\x06")?;
    replaced("segment", "a number not in its shortest encoding", full, b"\xac\x02", b"\xac\x82\x00")?;
    replaced(
        "segment",
        "a token count that differs from the tokens",
        full,
        begin,
        b"0Ab3dE\xac\x02\x00\x00\x01\x00\x07",
    )?;
    replaced("segment", "patterns out of order", full, b"\x01*\x0borders:read", b"\x0borders:read\x01*")?;
    replaced("segment", "an invalid pattern", full, b"orders:read", b"orders*read")?;
    replaced(
        "segment",
        "scope sets out of order",
        full,
        b"\x01\x00\x01\x01\x02\x01\x02",
        b"\x01\x01\x01\x00\x02\x01\x02",
    )?;
    replaced("owners", "a range that does not contain the owners", owners, b"\x01\xe8\x07", b"\x04\xe8\x07")?;
    replaced(
        "owners",
        "a range that ends before it begins",
        unassigned,
        b"\xe9\x07\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xfe",
    )?;
    replaced(
        "manifest",
        "a workspace record newer than the manifest's generation",
        &manifest,
        b"\x02\xac\x02\x00\x00\x02",
        b"\x02\xac\x02\x00\x00\xad\x02",
    )?;
    cases
        .into_iter()
        .map(|(kind, why, bytes)| {
            let opened = match kind {
                "segment" => Segment::open(&bytes[..]).err(),
                "owners" => OwnerSegment::open(&bytes[..]).err(),
                _ => Manifest::decode(&bytes).err(),
            };
            let error = match opened {
                Some(RecordError::UnknownFormat) => "UNKNOWN_FORMAT",
                Some(RecordError::Malformed) => "MALFORMED",
                None => anyhow::bail!("{why}: is accepted"),
            };
            Ok(RefusedCase { why, kind, bytes: hex::encode(bytes), error })
        })
        .collect()
}
