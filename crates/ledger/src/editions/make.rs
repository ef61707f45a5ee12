//! Building files. Each shows the edition's generation, regardless of later changes.

use std::collections::BTreeMap;

use counterfoil_protocol::json;
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    AddressBlock, BuildError, DigestPrefix, Encoded as _, InvalidManifest, Manifest, ManifestHeader, NamedOwners,
    NamedSegment, OwnerRecord, OwnerSegmentBuilder, OwnersHeader, ScopeSet, SegmentBuilder, SegmentHeader, Timestamp,
    TokenRecord, WorkspaceRecord,
};

use super::{
    mark,
    parameters::{BLOCK, Kind, LARGEST_FILE, MAX_LONG_VALUES, MAX_OWNER_SEGMENTS, MAX_VALUES},
    rows::{EditionBuild, Part},
};
use crate::{
    columns::{Columns as _, columns},
    rows::Inclusion,
    sql::{Sql, SqlError},
};

/// How many token values are read at a time.
const PAGE: usize = 1_000;

/// The maximum size of a CIDR range, in bytes.
const ADDRESS: usize = 18;

/// A token value at the edition's generation.
struct EditionText {
    digest: Digest,
    number: u64,
    owner: u64,
    /// JSON text.
    scopes: String,
    enabled: bool,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    addresses: Vec<AddressBlock>,
    issued: u64,
    replaced_until: Option<Timestamp>,
}

columns!(EditionText: "edition_texts" {
    digest, number, owner, scopes, enabled, not_before, expires_at, revoked_at, addresses, issued, replaced_until,
});

columns!(OwnerRecord: "edition_owners" { number, id, suspended, grants, revoked_before, version });

/// Selects token values in the order of their digests, with the generation before which all tokens of their owner are
/// revoked. Both views are read by index, branch by branch; otherwise each page would take time proportional to the
/// number of tokens.
fn texts() -> String {
    format!(
        "SELECT {}, coalesce(
            (SELECT revoked_before FROM kept_members WHERE kept_members.number = owner),
            (SELECT revoked_before FROM members WHERE members.number = owner))
         FROM edition_texts WHERE digest > ? AND digest <= ? AND weak <= ? ORDER BY digest LIMIT ?",
        EditionText::COLUMNS
    )
}

/// The members with a number within a range.
const OWNERS: &str = "WHERE number BETWEEN ? AND ? ORDER BY number";

/// Why a file could not be built.
pub(super) enum FileError {
    Sql(SqlError),
    /// A segment is too full: it can hold at most `most` token values.
    TooFull {
        prefix: DigestPrefix,
        most: u64,
    },
    /// The workspace cannot be published as an edition.
    Unpublishable,
}

/// Builds the first file that is still missing.
pub(super) fn next(sql: &dyn Sql, key: WorkspaceKey, edition: &EditionBuild) -> Result<(Part, Vec<u8>), FileError> {
    let (kind, bits) = edition.place();
    let segment = "SELECT prefix FROM segments WHERE kind = ? AND bits = ? AND made = 0 ORDER BY prefix LIMIT 1";
    let owners = "SELECT block FROM owner_segments WHERE kind = ? AND made = 0 ORDER BY block LIMIT 1";
    let (part, file) = if let Some(prefix) = sql.one(segment, &[kind.clone(), bits])? {
        let (file, tokens) = make_segment(sql, key, edition, prefix)?;
        (Part::Segment { prefix, tokens }, file)
    } else if let Some(block) = sql.one(owners, &[kind])? {
        (Part::Owners { block }, make_owner_segment(sql, key, edition, block)?)
    } else {
        (Part::Manifest, make_manifest(sql, edition)?)
    };
    if file.len() > LARGEST_FILE { Err(FileError::Unpublishable) } else { Ok((part, file)) }
}

/// The file, and the number of its token values.
fn make_segment(
    sql: &dyn Sql,
    key: WorkspaceKey,
    edition: &EditionBuild,
    value: u16,
) -> Result<(Vec<u8>, u64), FileError> {
    let prefix = DigestPrefix::new(edition.segments.bits, value).ok_or(FileError::Unpublishable)?;
    let mut builder = SegmentBuilder::new(SegmentHeader {
        workspace: key,
        generation: edition.generation,
        without_addresses: edition.kind == Kind::Snapshots,
        without_weak: edition.segments.without_weak,
        prefix,
    });
    let mut texts = Texts { scopes: BTreeMap::new() };
    let (mut after, last) = mark::range(prefix);
    let most_carried = if edition.segments.without_weak && edition.kind == Kind::Snapshots {
        Inclusion::All
    } else {
        Inclusion::LeasesOnly
    };
    let mut addresses = 0;
    loop {
        let page = texts.read(sql, after, &last, most_carried)?;
        for (digest, token, revoked_before) in &page {
            builder.push(digest, token, *revoked_before)?;
            addresses += token.addresses.len();
        }
        if builder.len() as u64 > MAX_VALUES {
            return Err(FileError::TooFull { prefix, most: MAX_VALUES });
        }
        // Checked before the file is built, because there may not be enough memory for it.
        if addresses * ADDRESS > LARGEST_FILE {
            return Err(FileError::TooFull { prefix, most: MAX_LONG_VALUES });
        }
        match page.last() {
            Some((digest, ..)) if page.len() == PAGE => after = digest.as_bytes().to_vec(),
            _ => break,
        }
    }
    let tokens = builder.len() as u64;
    let file = builder.finish();
    if file.len() > LARGEST_FILE {
        return Err(FileError::TooFull { prefix, most: MAX_LONG_VALUES });
    }
    Ok((file, tokens))
}

/// Reads token values at the edition's generation. Many have the same scopes, which are parsed once.
struct Texts {
    scopes: BTreeMap<String, ScopeSet>,
}

impl Texts {
    /// The next token values in the order of their digests, with the generation before which their owner's tokens are
    /// revoked.
    fn read(
        &mut self,
        sql: &dyn Sql,
        after: Vec<u8>,
        last: &[u8],
        most_carried: Inclusion,
    ) -> Result<Vec<(Digest, TokenRecord, u64)>, SqlError> {
        let page = [after.into(), last.into(), (&most_carried).into(), (PAGE as u64).into()];
        let texts: Vec<(EditionText, u64)> = sql.all(&texts(), &page)?;
        texts.into_iter().map(|(text, revoked_before)| Ok((text.digest, self.record(text)?, revoked_before))).collect()
    }

    /// Omits the fields that segments omit.
    fn record(&mut self, text: EditionText) -> Result<TokenRecord, SqlError> {
        Ok(TokenRecord {
            version: text.issued,
            id: "".into(),
            number: text.number,
            owner: text.owner,
            name: "".into(),
            client_id: None,
            metadata: None,
            scopes: self.scopes(text.scopes)?,
            issued: text.issued,
            revoked: text.revoked_at.is_some(),
            enabled: text.enabled,
            not_before: text.not_before,
            expires_at: text.expires_at,
            replaced_until: text.replaced_until,
            addresses: text.addresses,
            rate_class: None,
        })
    }

    fn scopes(&mut self, text: String) -> Result<ScopeSet, SqlError> {
        if let Some(scopes) = self.scopes.get(&text) {
            return Ok(scopes.clone());
        }
        let scopes: ScopeSet =
            json::read(text.as_bytes()).ok_or_else(|| SqlError::new("a token's scopes are not a list of scopes"))?;
        Ok(self.scopes.entry(text).or_insert(scopes).clone())
    }
}

fn make_owner_segment(
    sql: &dyn Sql,
    key: WorkspaceKey,
    edition: &EditionBuild,
    block: u64,
) -> Result<Vec<u8>, FileError> {
    let (first, last) = numbers(block);
    let header = OwnersHeader { workspace: key, generation: edition.generation, first, last };
    let mut builder = OwnerSegmentBuilder::new(header).ok_or(FileError::Unpublishable)?;
    for owner in OwnerRecord::select(sql, OWNERS, &[first.into(), last.into()])? {
        builder.push(&owner)?;
    }
    Ok(builder.finish())
}

/// The first and the last number of a block.
fn numbers(block: u64) -> (u64, u64) {
    (block * BLOCK, block * BLOCK + (BLOCK - 1))
}

fn make_manifest(sql: &dyn Sql, edition: &EditionBuild) -> Result<Vec<u8>, FileError> {
    let (kind, bits) = edition.place();
    let header = ManifestHeader {
        epoch: edition.epoch,
        generation: edition.generation,
        without_addresses: edition.kind == Kind::Snapshots,
        without_weak: edition.segments.without_weak,
        workspace: WorkspaceRecord::decode(&edition.workspace)
            .map_err(|error| SqlError::new(format!("the workspace's record: {error}")))?,
    };
    let segments = "SELECT name, tokens FROM segments WHERE kind = ? AND bits = ? ORDER BY prefix";
    let segments = sql.all(segments, &[kind.clone(), bits])?;
    let segments = segments.into_iter().map(|(name, tokens)| NamedSegment { name, tokens }).collect();
    let owners = "SELECT block, name FROM owner_segments WHERE kind = ? ORDER BY block LIMIT ?";
    let owners = sql.all(owners, &[kind, MAX_OWNER_SEGMENTS.into()])?;
    let named = |(block, name)| {
        let (first, last) = numbers(block);
        NamedOwners { first, last, name }
    };
    Ok(Manifest::new(header, segments, owners.into_iter().map(named).collect())?.encode())
}

impl From<SqlError> for FileError {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<BuildError> for FileError {
    fn from(_: BuildError) -> Self {
        Self::Unpublishable
    }
}

impl From<InvalidManifest> for FileError {
    fn from(_: InvalidManifest) -> Self {
        Self::Unpublishable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{native::NativeSql, schema};

    #[test]
    fn edition_queries_use_indices() -> Result<(), SqlError> {
        let sql = NativeSql::in_memory()?;
        schema::migrate(&sql, schema::LEDGER)?;
        let (texts, owners) = (texts(), format!("SELECT {} FROM edition_owners {OWNERS}", OwnerRecord::COLUMNS));
        let queries = [(&*texts, 18), (&*owners, 2), (mark::TOKENS, 2), (mark::MEMBERS, 2), (mark::REPLACED, 1)];
        for (query, searches) in queries {
            let details = sql.plan(query)?;
            let is_search = |detail: &&String| detail.starts_with("SEARCH ");
            assert_eq!(details.iter().filter(is_search).count(), searches, "{details:#?}");
            // The table `edition` has one row, and so does each item of a list.
            let is_harmless = |detail: &&String| {
                let scans = detail.strip_prefix("SCAN ");
                scans.is_none_or(|table| table == "edition" || table.starts_with("json_each "))
                    && !detail.contains("TEMP B-TREE")
                    && !detail.contains("MATERIALIZE")
            };
            assert!(details.iter().all(|detail| is_harmless(&detail)), "{details:#?}");
        }
        Ok(())
    }

    #[test]
    fn prefix_range_contains_exactly_its_digests() {
        for bits in [0, 1, 7, 8, 9, 15, 16] {
            let mut before = None;
            for prefix in DigestPrefix::all(bits) {
                let (after, last) = mark::range(prefix);
                let mut first = after.clone();
                first.resize(32, 0);
                let digest = |bytes: &[u8]| Digest::from_bytes(bytes.try_into().unwrap_or_default());
                assert!(after < first && prefix.begins(&digest(&first)) && prefix.begins(&digest(&last)));
                assert_eq!(mark::prefix_of(digest(&first), bits), prefix.value());
                assert_eq!(mark::prefix_of(digest(&last), bits), prefix.value());
                assert!(before.replace(last).is_none_or(|before| before < after), "they overlap");
            }
            assert_eq!(before, Some(vec![u8::MAX; 32]), "and leave nothing out at the end");
        }
    }
}
