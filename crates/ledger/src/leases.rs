//! Leases: leave for verifiers to answer from memory for a while, with what their memory lacks.
//!
//! While a lease runs, its holder may pass a token that was revoked after the lease was granted, and nothing takes that
//! back. So the ledger remembers when the last lease is over, and tells whoever asks to [wait](Leases::safe_in).
//!
//! It remembers that exactly in memory, and as an upper bound on disk: a lease that would outlast the bound first moves
//! it, in the transaction that grants the lease, half a lease further than needed. So grants write at most once in half a
//! lease, and an instance that was just made (an object forgets everything after some idle seconds) reads until when its
//! predecessors may have granted. Where nothing is written down, which is so in a database that a version without this
//! bound has run on, it assumes that the longest lease of all was granted when it was made.
//!
//! Leases are promised by one instance at a time. The platform says so; besides, an instance that begins to grant writes a
//! number of its own beside the bound, and one that reads another number there than it wrote refuses every command.
//!
//! A lease granted after a change tells of that change, so nobody ever waits for it.
//!
//! Who loads segments is told which [edition](crate::editions) to go by, and all that changed since: then what was issued
//! since is a change too, as such an asker remembers what is not there.

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
    tokens::{self, NewTexts},
    transaction::Transaction,
};

/// The most texts, and the most members, that one answer names. Whoever missed more starts anew, which costs a question for
/// each token that it meets again.
const MOST: usize = 10_000;

/// What one instance of a ledger knows of the leases that were granted. Made with it, lost with it.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// When the last lease is over; nothing before this instance has granted one.
    end: Cell<Option<Timestamp>>,
    /// When those are over that were granted before this instance was made, where nothing is written down.
    unwritten: Cell<Option<Timestamp>>,
    claim: Cell<Option<GrantorClaim>>,
}

/// The right to grant leases, as an instance has claimed it.
#[derive(Clone, Copy, Debug)]
struct GrantorClaim {
    /// The number that this instance wrote. It is there unless the transaction was rolled back.
    own: u64,
    /// The number that was there before, and still is if it was.
    before: Option<u64>,
}

impl Leases {
    /// Checks that no other instance has begun to grant leases since this one has.
    ///
    /// # Errors
    /// [`CommandError::Internal`] where one has: what this instance knows of leases is not all there is to know.
    pub(crate) fn check_sole(&self, workspace: &WorkspaceRow) -> Result<(), CommandError> {
        match self.claim.get() {
            Some(GrantorClaim { own, before }) if workspace.grantor != Some(own) && workspace.grantor != before => {
                Err(CommandError::internal("another instance of this ledger has taken over"))
            }
            _ => Ok(()),
        }
    }

    /// In how many milliseconds no verifier relies any more on what was before this moment: when the last lease is over,
    /// and as long again as a verifier's clock may be off. Where that is past already, at once.
    pub(crate) fn safe_in(&self, workspace: &WorkspaceRow, now: Timestamp) -> u64 {
        self.end(workspace, now).plus(DELTA).since(now)
    }

    /// Grants a lease for so many milliseconds.
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

    /// When the last lease is over that any instance may have granted. Were a clock set back, that would seem further off
    /// than any lease can be.
    ///
    /// What this instance has granted says it only while its number is on disk. Where the transaction failed that was to
    /// write it, another instance may have granted since, unnoticed.
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

/// A number that no other instance draws. SQLite holds 63 bits of one; JavaScript, on the way there, 53.
fn number(random: &mut dyn FnMut(&mut [u8])) -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_le_bytes(bytes) >> 11
}

/// The longest lease that any instance may have granted, in milliseconds.
fn longest(workspace: &WorkspaceRow) -> u64 {
    workspace.longest_lease.saturating_mul(1_000)
}

/// Grants a lease, tells what changed since the asker last asked, and adds up the uses it tells of.
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
    let Told { since, edition, changes: Changes { texts, owners } } = tell(tx, known, ask.segments, edition)?;
    if !ask.uses.is_empty() {
        tokens::usage::add(tx, &ask.uses)?;
    }
    let term = workspace.settings.lease_max.saturating_mul(1_000);
    leases.grant(term, tx, random)?;
    Ok(Binary(Grant { epoch: workspace.epoch, since, term, answer, texts, owners, edition }))
}

/// A ledger that no workspace has been founded in has nothing to promise.
pub(crate) fn of_nobody(
    key: WorkspaceKey,
    now: Timestamp,
    seal_secrets: &[SealSecret],
    ask: Lease,
) -> Result<Granted, CommandError> {
    let Binary(answer) = records::of_nobody(key, now, seal_secrets, Records { digests: ask.digests })?;
    Ok(Binary(Grant { epoch: 0, since: None, term: 0, answer, texts: Vec::new(), owners: Vec::new(), edition: None }))
}

/// What changed, by name.
#[derive(Default)]
struct Changes {
    texts: Vec<Digest>,
    owners: Vec<u64>,
}

/// What an asker is told of what changed.
#[derive(Default)]
struct Told {
    /// Since when; nothing where that is too much to tell.
    since: Option<u64>,
    /// By which segments it may go, given that.
    edition: Option<Edition>,
    changes: Changes,
}

/// Tells an asker what changed since the generation where it stands. By an edition that it does not go by yet, it may if it
/// is told of all since that one's generation; who has missed too much begins anew there.
fn tell(
    tx: &Transaction<'_>,
    known: Option<u64>,
    segments: Option<Segments>,
    edition: Option<Edition>,
) -> Result<Told, SqlError> {
    if let Some(edition) = edition {
        let goes_by_it = segments.and_then(|segments| segments.manifest) == Some(edition.manifest);
        let from_the_edition = Some(edition.generation);
        let from = match known {
            // What is too much from there on is no less from the edition on.
            Some(_) if goes_by_it => [known, None],
            Some(generation) if generation < edition.generation => [known, from_the_edition],
            _ => [from_the_edition, None],
        };
        for since in from.into_iter().flatten() {
            if let Some(changes) = changes(tx, since, NewTexts::Told)? {
                return Ok(Told { since: Some(since), edition: Some(edition), changes });
            }
        }
    }
    let Some(since) = known else { return Ok(Told::default()) };
    let changes = changes(tx, since, NewTexts::Untold)?;
    Ok(changes.map_or_else(Told::default, |changes| Told { since: Some(since), edition: None, changes }))
}

/// What changed since that generation; nothing where that is too much.
fn changes(tx: &Transaction<'_>, since: u64, new: NewTexts) -> Result<Option<Changes>, SqlError> {
    if since == tx.workspace.generation {
        return Ok(Some(Changes::default()));
    }
    let texts = tokens::changed_since(tx.sql, since, new, tx.now, MOST)?;
    let owners = MemberRow::changed_since(tx.sql, since, MOST)?;
    let is_told = texts.len() <= MOST && owners.len() <= MOST;
    Ok(is_told.then_some(Changes { texts, owners }))
}
