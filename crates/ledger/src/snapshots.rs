//! Snapshots: the current edition for whoever takes it out of the house, under a head that says as of when it is, until
//! when it may be relied upon, and who says so.
//!
//! An edition is as of the moment at which it began. Where nothing has changed since, it is as of any later moment just as
//! well; but who asks twice should get the same file, so its moment is put forward only now and then. Where something has
//! changed, it stands: a snapshot never claims to be later than it is.

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

/// How often it is written down that snapshots are wanted, in milliseconds: who reads often writes nothing.
const NOTED: u64 = 60 * 60 * 1_000;

/// Which part of its term passes before the moment of an edition that nothing has overtaken is put forward.
const PART: u64 = 8;

/// The snapshot of now, as far as there is one.
pub(crate) fn read(tx: &Transaction<'_>, secrets: &[SealSecret]) -> Result<Snapshot, CommandError> {
    tx.authority.require(BuiltIn::SnapshotsRead)?;
    let secret = secrets.first().ok_or(CommandError::SnapshotsOff)?;
    note_wanted(tx)?;
    let Transaction { sql, now, workspace, .. } = tx;
    if let Some(edition) = Current::load(*sql, Kind::Snapshots)? {
        let as_of = moment(tx, &edition)?;
        let mut expires_at = as_of.plus(term(workspace));
        // A text that rotation replaced takes nothing out of the house that is good for longer than itself.
        if let Some(end) = tx.authority.token().and_then(OwnedToken::replaced_until) {
            expires_at = expires_at.min(end);
        }
        // Nobody has a use for one that is over: the registry has been down for that long.
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

/// The keys that sign the workspace's snapshots, and that did.
pub(crate) fn keys(tx: &Transaction<'_>, secrets: &[SealSecret]) -> Result<SnapshotKeys, CommandError> {
    tx.authority.require(BuiltIn::SnapshotsRead)?;
    if secrets.is_empty() {
        return Err(CommandError::SnapshotsOff);
    }
    let keys = secrets.iter().map(|secret| public(&signing_key(secret, tx.workspace.key)));
    Ok(SnapshotKeys { keys: keys.collect() })
}

/// Until when a snapshot may be relied upon that does not know of a change made now: one that was handed out before, or one
/// of an older edition that is handed out before the next is made. Absent where nobody ever asked for one: the first is
/// made after that.
pub(crate) fn relied_upon_until(workspace: &WorkspaceRow, now: Timestamp) -> Option<Timestamp> {
    workspace.snapshots_until.map(|until| until.max(now.plus(term(workspace))))
}

/// Takes note that somebody wants snapshots, and until when any may be relied upon that is handed out before this is next
/// written down.
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

/// As of when the edition is told to be.
fn moment(tx: &Transaction<'_>, edition: &Current) -> Result<Timestamp, SqlError> {
    let Transaction { sql, now, workspace, .. } = tx;
    let kept = edition.as_of..edition.as_of.plus(term(workspace) / PART);
    if edition.generation != workspace.generation || kept.contains(now) {
        return Ok(edition.as_of);
    }
    editions::renew(*sql, Kind::Snapshots, *now)?;
    Ok(*now)
}

/// For how long a snapshot may be relied upon, in milliseconds.
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
    // The members that RFC 8037, appendix A.3, names, in their order.
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
    fn a_key_is_shown_as_its_standard_has_it() {
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
