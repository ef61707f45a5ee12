//! Leases: time-limited permissions for verifiers to answer from their cache, and the records that the cache is
//! missing.
//!
//! Until a lease expires, its holder may accept a token that was revoked after the lease was granted, and the ledger
//! cannot recall the lease. The ledger therefore records when the last lease expires, so that clients can
//! [wait](Leases::safe_in).
//!
//! It stores the exact time in memory and an upper bound in the database. A lease that would exceed the bound first
//! raises it, in the transaction that grants the lease, by half a lease more than needed. Grants therefore write at
//! most once in half a lease, and a new instance (an object loses its memory after some idle seconds) reads until when
//! its predecessors may have granted leases. Without a recorded bound (a database last used by a version that did not
//! have it), it assumes that the longest possible lease was granted at the moment when the instance was created.
//!
//! Only one instance at a time grants leases. The platform guarantees that. As an additional check, an instance that
//! begins to grant leases stores a number of its own beside the bound, and refuses every command if it later finds
//! another number.
//!
//! A lease granted after a change already includes the change, so no client waits for such a lease.
//!
//! Verifiers that load segments are told which [edition](crate::editions) to use and everything that changed since. For
//! them, token values created since are changes too, because they cache which values do not exist.

use core::cell::Cell;

use counterfoil_protocol::{
    BuiltIn,
    command::{Binary, Granted, Lease, Records},
    command_error::CommandError,
};
use counterfoil_token::{Digest, SealSecret, WorkspaceKey};
use counterfoil_verify::{DELTA, Edition, Grant, Segments, Timestamp};

use crate::{
    columns::update,
    editions::{Current, Kind},
    records,
    rows::{MemberRow, WorkspaceRow},
    sql::SqlError,
    tokens::{self, NewValues},
    transaction::Transaction,
};

/// The maximum number of token values, and of members, in one reply. A verifier that missed more is reset: it then
/// queries each token again on its next use.
const MAX_CHANGES: usize = 10_000;

/// What one instance of a ledger knows about granted leases; in memory only.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// When the last lease expires; absent until this instance has granted one.
    end: Cell<Option<Timestamp>>,
    /// When all leases expire that earlier instances may have granted, if no bound is recorded.
    unwritten: Cell<Option<Timestamp>>,
    claim: Cell<Option<GrantorClaim>>,
}

/// An instance's claim to grant leases.
#[derive(Clone, Copy, Debug)]
struct GrantorClaim {
    /// The number that this instance stored. It is in the database unless the transaction was rolled back.
    own: u64,
    /// The number that was stored before. It remains if the transaction was rolled back.
    before: Option<u64>,
}

impl Leases {
    /// Checks that no other instance has begun to grant leases since this one did.
    ///
    /// # Errors
    /// [`CommandError::Internal`] if one has, because this instance does not know all leases then.
    pub(crate) fn check_sole(&self, workspace: &WorkspaceRow) -> Result<(), CommandError> {
        match self.claim.get() {
            Some(GrantorClaim { own, before }) if workspace.grantor != Some(own) && workspace.grantor != before => {
                Err(CommandError::internal("another instance of this ledger has replaced this one"))
            }
            _ => Ok(()),
        }
    }

    /// The milliseconds until no verifier can rely on the state before this moment: until the last lease has expired,
    /// plus the allowance for clock skew. 0 if that time has passed.
    pub(crate) fn safe_in(&self, workspace: &WorkspaceRow, now: Timestamp) -> u64 {
        self.end(workspace, now).plus(DELTA).since(now)
    }

    /// Grants a lease for this many milliseconds.
    fn grant(&self, term: u64, tx: &Transaction<'_>, random: &mut dyn FnMut(&mut [u8])) -> Result<(), SqlError> {
        let workspace = &tx.workspace;
        let end = self.end(workspace, tx.now).max(tx.now.plus(term));
        let claim = self.claim.get().unwrap_or_else(|| GrantorClaim { own: number(random), before: workspace.grantor });
        let is_written = workspace.leases_until.is_some_and(|until| end <= until);
        if !is_written || workspace.grantor != Some(claim.own) {
            update!(tx.sql, "workspace" { leases_until: end.plus(term / 2), grantor: claim.own })?;
        }
        self.end.set(Some(end));
        self.claim.set(Some(claim));
        Ok(())
    }

    /// When the last lease expires that any instance may have granted. Capped at the longest possible lease from now,
    /// because the clock may have been set back.
    ///
    /// The time in memory is used only while this instance's number is in the database. If the transaction that stored
    /// the number failed, another instance may have granted leases unnoticed.
    fn end(&self, workspace: &WorkspaceRow, now: Timestamp) -> Timestamp {
        let latest = now.plus(longest(workspace));
        let grants = self.claim.get().is_some_and(|claim| workspace.grantor == Some(claim.own));
        let own = self.end.get().filter(|_| grants);
        let end = own.or(workspace.leases_until).unwrap_or_else(|| {
            let end = self.unwritten.get().unwrap_or(latest);
            self.unwritten.set(Some(end));
            end
        });
        end.min(latest)
    }
}

/// A random number that identifies the instance. SQLite stores 63 bits, but JavaScript transfers only 53.
fn number(random: &mut dyn FnMut(&mut [u8])) -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_le_bytes(bytes) >> 11
}

/// The longest lease that any instance may have granted, in milliseconds.
fn longest(workspace: &WorkspaceRow) -> u64 {
    workspace.longest_lease.saturating_mul(1_000)
}

/// Grants a lease, returns what changed since the verifier's last request, and adds the usage that it reports.
pub(crate) fn answer(
    tx: &Transaction<'_>,
    seal_secrets: &[SealSecret],
    leases: &Leases,
    random: &mut dyn FnMut(&mut [u8]),
    ask: &Lease,
) -> Result<Granted, CommandError> {
    tx.authority.require(BuiltIn::TokensVerify)?;
    let workspace = &tx.workspace;
    let answer = records::of(tx, seal_secrets, &ask.digests)?;
    let known = ask.since.filter(|since| since.epoch == workspace.epoch && since.generation <= workspace.generation);
    let known = known.map(|since| since.generation);
    let current = ask.segments.map_or(Ok(None), |_| Current::load(tx.sql, Kind::Leases))?;
    let current = current.filter(|edition| edition.epoch == workspace.epoch);
    let edition = current.map(|edition| Edition { manifest: edition.manifest, generation: edition.generation });
    let ReportedChanges { since, edition, changes: Changes { texts, owners } } =
        report_changes(tx, known, ask.segments, edition)?;
    if !ask.uses.is_empty() {
        tokens::usage::add(tx, &ask.uses)?;
    }
    let term = workspace.settings.lease_max.saturating_mul(1_000);
    leases.grant(term, tx, random)?;
    Ok(Binary(Grant { epoch: workspace.epoch, since, term, answer, texts, owners, edition }))
}

/// The reply of a ledger without a workspace. It grants no lease.
pub(crate) fn without_workspace(
    key: WorkspaceKey,
    now: Timestamp,
    seal_secrets: &[SealSecret],
    ask: Lease,
) -> Result<Granted, CommandError> {
    let Binary(answer) = records::without_workspace(key, now, seal_secrets, Records { digests: ask.digests })?;
    Ok(Binary(Grant { epoch: 0, since: None, term: 0, answer, texts: Vec::new(), owners: Vec::new(), edition: None }))
}

/// The changed token values and members.
#[derive(Default)]
struct Changes {
    texts: Vec<Digest>,
    owners: Vec<u64>,
}

/// The changes that a reply reports.
#[derive(Default)]
struct ReportedChanges {
    /// The generation since which changes are reported; absent if there are too many.
    since: Option<u64>,
    /// The edition whose segments the verifier may use, given these changes.
    edition: Option<Edition>,
    changes: Changes,
}

/// Reports what changed since the generation that the verifier has reached. A verifier that does not use the current
/// edition yet may use it if all changes since the edition's generation are reported. A verifier that missed too much
/// starts over from it.
fn report_changes(
    tx: &Transaction<'_>,
    known: Option<u64>,
    segments: Option<Segments>,
    edition: Option<Edition>,
) -> Result<ReportedChanges, SqlError> {
    if let Some(edition) = edition {
        let uses_it = segments.and_then(|segments| segments.manifest) == Some(edition.manifest);
        let from_the_edition = Some(edition.generation);
        let from = match known {
            // If there are too many changes since that generation, there are too many since the edition as well.
            Some(_) if uses_it => [known, None],
            Some(generation) if generation < edition.generation => [known, from_the_edition],
            _ => [from_the_edition, None],
        };
        for since in from.into_iter().flatten() {
            if let Some(changes) = changes(tx, since, NewValues::Included)? {
                return Ok(ReportedChanges { since: Some(since), edition: Some(edition), changes });
            }
        }
    }
    let Some(since) = known else { return Ok(ReportedChanges::default()) };
    let changes = changes(tx, since, NewValues::Omitted)?;
    Ok(changes.map_or_else(ReportedChanges::default, |changes| ReportedChanges {
        since: Some(since),
        edition: None,
        changes,
    }))
}

/// What changed since that generation; absent if that is too much for one reply.
fn changes(tx: &Transaction<'_>, since: u64, new: NewValues) -> Result<Option<Changes>, SqlError> {
    if since == tx.workspace.generation {
        return Ok(Some(Changes::default()));
    }
    let texts = tokens::changed_since(tx.sql, since, new, tx.now, MAX_CHANGES)?;
    let owners = MemberRow::changed_since(tx.sql, since, MAX_CHANGES)?;
    let is_told = texts.len() <= MAX_CHANGES && owners.len() <= MAX_CHANGES;
    Ok(is_told.then_some(Changes { texts, owners }))
}
