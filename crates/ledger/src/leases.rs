//! Leases: leave for verifiers to answer from memory for a while, with what their memory lacks.
//!
//! While a lease runs, its holder may pass a token that was revoked after the lease was granted, and nothing takes that
//! back. So the ledger remembers when the last lease is over, and tells whoever asks to [wait](Leases::safe_in). It
//! remembers in memory alone, as nothing is written for a lease; an instance that was just made does not know what the
//! one before it granted, and takes it that the longest lease of all was granted just then. That holds wherever the
//! object went in between: leases are promised by one instance at a time.
//!
//! A lease granted after a change tells of that change, so nobody ever waits for it.
//!
//! Who loads segments is told which [edition](crate::editions) to go by, and all that changed since: then what was issued
//! since is a change too, as such an asker remembers what is not there.

use core::cell::Cell;

use counterfoil_token::{Digest, SealSecret, WorkspaceKey};
use counterfoil_verify::{DELTA, Edition, Grant, Segments, Timestamp};

use crate::{
    command::{Binary, Granted, Lease, Records},
    editions::{self, Kind},
    members::MemberRow,
    records,
    refusal::Refusal,
    scopes::BuiltIn,
    sql::SqlError,
    tokens::{self, Issued},
    work::Work,
    workspace::WorkspaceRow,
};

/// The most texts, and the most members, that one answer names. Whoever missed more starts anew, which costs a question for
/// each token that it meets again.
const MOST: usize = 10_000;

/// When the last lease is over. Made with the ledger, lost with it.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    end: Cell<Option<Timestamp>>,
}

impl Leases {
    /// In how many milliseconds no verifier relies any more on what was before this moment: when the last lease is over,
    /// and as long again as a verifier's clock may be off.
    pub(crate) fn safe_in(&self, workspace: &WorkspaceRow, now: Timestamp) -> u64 {
        let end = self.end(workspace, now);
        // Were the clock set back, the end would seem further off than any lease can be.
        end.since(now).min(longest(workspace)) + DELTA
    }

    /// Grants a lease for so many milliseconds.
    fn grant(&self, term: u64, workspace: &WorkspaceRow, now: Timestamp) {
        self.end.set(Some(self.end(workspace, now).max(now.plus(term))));
    }

    fn end(&self, workspace: &WorkspaceRow, now: Timestamp) -> Timestamp {
        let end = self.end.get().unwrap_or(now.plus(longest(workspace)));
        self.end.set(Some(end));
        end
    }
}

/// The longest lease that any instance may have granted, in milliseconds.
fn longest(workspace: &WorkspaceRow) -> u64 {
    workspace.longest_lease.saturating_mul(1_000)
}

/// Grants a lease, tells what changed since the asker last asked, and adds up the uses it tells of.
pub(crate) fn answer(
    work: &Work<'_>,
    seal_secrets: &[SealSecret],
    leases: &Leases,
    ask: &Lease,
) -> Result<Granted, Refusal> {
    work.authority.require(BuiltIn::TokensVerify)?;
    let workspace = &work.workspace;
    let answer = records::of(work, seal_secrets, &ask.digests)?;
    let known = ask.since.filter(|since| since.epoch == workspace.epoch && since.generation <= workspace.generation);
    let known = known.map(|since| since.generation);
    let current = ask.segments.map_or(Ok(None), |_| editions::current(work.sql, Kind::Leases))?;
    let current = current.filter(|edition| edition.epoch == workspace.epoch);
    let edition = current.map(|edition| Edition { manifest: edition.manifest, generation: edition.generation });
    let Told { since, edition, changes: Changes { texts, owners } } = tell(work, known, ask.segments, edition)?;
    if !ask.uses.is_empty() {
        tokens::usage::add(work, &ask.uses)?;
    }
    let term = workspace.settings.lease_max.saturating_mul(1_000);
    leases.grant(term, workspace, work.now);
    Ok(Binary(Grant { epoch: workspace.epoch, since, term, answer, texts, owners, edition }))
}

/// A ledger that no workspace has been founded in has nothing to promise.
pub(crate) fn of_nobody(
    key: WorkspaceKey,
    now: Timestamp,
    seal_secrets: &[SealSecret],
    ask: Lease,
) -> Result<Granted, Refusal> {
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
    work: &Work<'_>,
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
            if let Some(changes) = changes(work, since, Issued::Told)? {
                return Ok(Told { since: Some(since), edition: Some(edition), changes });
            }
        }
    }
    let Some(since) = known else { return Ok(Told::default()) };
    let changes = changes(work, since, Issued::Untold)?;
    Ok(changes.map_or_else(Told::default, |changes| Told { since: Some(since), edition: None, changes }))
}

/// What changed since that generation; nothing where that is too much.
fn changes(work: &Work<'_>, since: u64, issued: Issued) -> Result<Option<Changes>, SqlError> {
    if since == work.workspace.generation {
        return Ok(Some(Changes::default()));
    }
    let texts = tokens::changed_since(work.sql, since, issued, work.now, MOST)?;
    let owners = MemberRow::changed_since(work.sql, since, MOST)?;
    let is_told = texts.len() <= MOST && owners.len() <= MOST;
    Ok(is_told.then_some(Changes { texts, owners }))
}
