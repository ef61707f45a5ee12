//! Snapshots: the current edition for offline use, with a signed header that contains its time, its expiration and its
//! signer.
//!
//! An edition shows the moment at which it began. If nothing has changed since, it is also valid as of any later
//! moment. But repeated requests should return the same file, so its time is advanced only occasionally. If something
//! has changed, its time is not advanced: a snapshot never claims to be newer than it is.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_protocol::{
    BuiltIn,
    command::{SignedHead, Snapshot, SnapshotFiles, SnapshotKey, SnapshotKeys},
    command_error::CommandError,
};
use counterfoil_token::{Digest, SealSecret, WorkspaceKey};
use counterfoil_verify::{SnapshotHead, Timestamp};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::{
    columns::update,
    editions::{self, Current, Kind},
    rows::{OwnedToken, WorkspaceRow},
    sql::SqlError,
    transaction::Transaction,
};

/// How often a request for snapshots is recorded, in milliseconds, so that frequent requests do not write each time.
const NOTED: u64 = 60 * 60 * 1_000;

/// The time of an unchanged edition is advanced after this fraction (1/8) of a snapshot's validity.
const PART: u64 = 8;

/// The current snapshot, if one has been built.
pub(crate) fn read(tx: &Transaction<'_>, secrets: &[SealSecret]) -> Result<Snapshot, CommandError> {
    tx.authority.require(BuiltIn::SnapshotsRead)?;
    let secret = secrets.first().ok_or(CommandError::SnapshotsOff)?;
    note_wanted(tx)?;
    let Transaction { sql, now, workspace, .. } = tx;
    if let Some(edition) = Current::load(*sql, Kind::Snapshots)? {
        let as_of = moment(tx, &edition)?;
        let mut expires_at = as_of.plus(term(workspace));
        // With a token value in its grace period, a snapshot does not outlive that value.
        if let Some(end) = tx.authority.token().and_then(OwnedToken::replaced_until) {
            expires_at = expires_at.min(end);
        }
        // An expired snapshot is useless. It means that the registry was unavailable for that long.
        if *now < expires_at {
            let head = SnapshotHead { workspace: workspace.key, as_of, expires_at, manifest: edition.manifest };
            let mut files = vec![edition.manifest];
            files.extend(editions::current_files(*sql, Kind::Snapshots)?);
            return Ok(Snapshot::Ready(SnapshotFiles {
                slug: workspace.slug.clone(),
                head: sign(&head, secret),
                files,
            }));
        }
    }
    let wait = editions::next_due(*sql, *now)?.map_or(0, |due| due.since(*now));
    Ok(Snapshot::NotYet { retry_in: wait.div_ceil(1_000).max(1) })
}

/// The current and previous keys that sign the workspace's snapshots.
pub(crate) fn keys(tx: &Transaction<'_>, secrets: &[SealSecret]) -> Result<SnapshotKeys, CommandError> {
    tx.authority.require(BuiltIn::SnapshotsRead)?;
    if secrets.is_empty() {
        return Err(CommandError::SnapshotsOff);
    }
    let keys = secrets.iter().map(|secret| public(&signing_key(secret, tx.workspace.key)));
    Ok(SnapshotKeys { keys: keys.collect() })
}

/// When the last snapshot expires that does not contain a change made now: one that was served before, or an older
/// edition that is served before the next one is built. Absent if no snapshot was ever requested; the first one is
/// built after that.
pub(crate) fn relied_upon_until(workspace: &WorkspaceRow, now: Timestamp) -> Option<Timestamp> {
    workspace.snapshots_until.map(|until| until.max(now.plus(term(workspace))))
}

/// Records that snapshots are requested, and when the last snapshot expires that is served before the next such record.
fn note_wanted(tx: &Transaction<'_>) -> Result<(), SqlError> {
    let Transaction { sql, now, workspace, .. } = tx;
    let end = now.plus(term(workspace));
    let is_noted = editions::snapshots_wanted_at(*sql)?.is_some_and(|wanted| now.since(wanted) < NOTED);
    if is_noted && workspace.snapshots_until.is_some_and(|until| end <= until) {
        return Ok(());
    }
    let until = workspace.snapshots_until.max(Some(end.plus(NOTED)));
    update!(sql, "workspace" { snapshots_until: until })?;
    editions::want_snapshots(*sql, *now)
}

/// The time of the edition that the snapshot states.
fn moment(tx: &Transaction<'_>, edition: &Current) -> Result<Timestamp, SqlError> {
    let Transaction { sql, now, workspace, .. } = tx;
    let kept = edition.as_of..edition.as_of.plus(term(workspace) / PART);
    if edition.generation != workspace.generation || kept.contains(now) {
        return Ok(edition.as_of);
    }
    editions::renew(*sql, Kind::Snapshots, *now)?;
    Ok(*now)
}

/// The validity of a snapshot, in milliseconds.
fn term(workspace: &WorkspaceRow) -> u64 {
    workspace.settings.snapshot_max.saturating_mul(1_000)
}

fn sign(head: &SnapshotHead, secret: &SealSecret) -> SignedHead {
    let signed = head.to_sign();
    let signature = signing_key(secret, head.workspace).sign(&signed);
    SignedHead([&signed[..], &signature.to_bytes()].concat())
}

fn signing_key(secret: &SealSecret, workspace: WorkspaceKey) -> SigningKey {
    SigningKey::from_bytes(&secret.snapshot_seed(workspace))
}

fn public(key: &SigningKey) -> SnapshotKey {
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    // The members required by RFC 8037, appendix A.3, in their order.
    let thumbprint = Digest::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes());
    let text = str::to_owned;
    SnapshotKey {
        kty: text("OKP"),
        crv: text("Ed25519"),
        alg: text("EdDSA"),
        r#use: text("sig"),
        kid: BASE64_URL_SAFE_NO_PAD.encode(thumbprint.as_bytes()),
        x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_key_matches_rfc_8037_example() {
        // RFC 8037, appendix A.
        let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
        let seed = BASE64_URL_SAFE_NO_PAD.decode(seed).unwrap_or_default();
        let key = public(&SigningKey::from_bytes(&seed.try_into().unwrap_or_default()));
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let shown = serde_json::to_value(&key).unwrap_or_default();
        let members = ["kty", "crv", "alg", "use"].map(|member| shown.get(member).and_then(|value| value.as_str()));
        assert_eq!(members, [Some("OKP"), Some("Ed25519"), Some("EdDSA"), Some("sig")]);
    }
}
