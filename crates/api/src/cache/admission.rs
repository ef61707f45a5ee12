//! Caches which credentials a ledger rejected or admitted, so that a client cannot load a ledger with invalid
//! credentials.
//!
//! The ledger authenticates each command in the command's own transaction; only the ledger admits a caller. This cache
//! keeps its rejections for seconds: the same credential is rejected again without a query. Credentials that the ledger
//! admitted within the last minute are never limited by the following. All others share an allowance in each workspace: a
//! stranger cannot invent tokens of Counterfoil's own format, whose authentication tag would be wrong, but can invent any
//! number of third-party ones. And an address that sent too many rejected credentials is blocked for some seconds, except
//! for credentials that were admitted.
//!
//! **A token that was created a moment ago works immediately, everywhere**: its value did not exist before, so it
//! cannot have been rejected. A token that was enabled again, or imported after a client had presented it, may be
//! rejected for another [`TEMPORARY`] or [`UNKNOWN`] by other isolates than the one that made the change.

use std::net::IpAddr;

use counterfoil_protocol::{CommandError, command::Actor};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Allowance, Code, Timestamp};

use crate::{
    cache::{expiring::ExpiringMap, network::network},
    http::{Problem, ProblemCode},
};

/// For how many milliseconds a rejection is cached that can never be reversed.
const FINAL: u64 = 10_000;

/// The same for a credential that is unknown, or a session that has ended.
const UNKNOWN: u64 = 2_000;

/// The same for a credential that may become valid soon: it was disabled, or its validity period has not begun.
const TEMPORARY: u64 = 1_000;

/// For how many milliseconds a credential counts as admitted.
const ADMITTED: u64 = 60_000;

/// For how many milliseconds an address is blocked.
const BLOCKED: u64 = 10_000;

/// The most credentials, and the most addresses, in each map.
const MOST: usize = 4_096;

/// How often per second one ledger is queried about credentials of Counterfoil's own format that were not admitted
/// recently, and how often for everybody else. The two are separate, so that invented third-party tokens keep no native
/// token out.
const SEALED_PER_SECOND: u32 = 200;
const OTHERS_PER_SECOND: u32 = 50;

/// The same for one credential that was rejected at another address a moment ago. It must not use up the shared
/// allowance.
const ELSEWHERE_PER_SECOND: u32 = 20;

/// For how many milliseconds the ledger is not told again why a sign-in failed: it records that once a minute.
const REPORT_INTERVAL: u64 = 60_000;

/// A credential in a workspace.
type Key = (WorkspaceKey, Digest);

/// See the module.
pub(crate) struct Admission {
    /// With the network that they came from: an IP-restricted token is valid from there only.
    admitted: ExpiringMap<(Key, Option<IpAddr>), ()>,
    rejected: ExpiringMap<(Key, RejectedFrom), RejectedCredential>,
    /// Credentials that were rejected because of their address.
    elsewhere: ExpiringMap<Key, ()>,
    /// Identities that a provider authenticated and the ledger rejected: a digest of the provider's claims, and the
    /// reason, for the log.
    rejected_identities: ExpiringMap<Key, String>,
    /// Failed sign-ins that were reported to the ledger.
    reported: ExpiringMap<Key, ()>,
    queries: Allowance<(WorkspaceKey, QueryKind)>,
    queries_elsewhere: Allowance<Key>,
    blocked: ExpiringMap<IpAddr, ()>,
    /// How many changes were made through this isolate, and the count at each workspace's last one: a rejection that was
    /// decided before that may still arrive.
    changes: u64,
    changed: ExpiringMap<WorkspaceKey, u64>,
}

/// The addresses from which a credential is rejected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RejectedFrom {
    Anywhere,
    /// From this address, which is the reason for the rejection. `None` if the address is unknown.
    From(Option<IpAddr>),
}

/// Why a credential was rejected.
#[derive(Clone, Copy)]
enum RejectedCredential {
    Token(Code),
    Session,
}

/// What is known of a requester before the ledger is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryKind {
    /// It presents a credential with a valid authentication tag.
    Sealed,
    /// It presents another credential, or none.
    Other,
    /// It is about to sign in.
    BeforeSignIn,
    /// It is about to sign in, on a page of another origin.
    ForeignPage,
    /// An identity provider has authenticated it.
    SignIn,
}

impl Default for Admission {
    fn default() -> Self {
        let (elsewhere, rejected_identities, blocked) =
            (ExpiringMap::new(MOST), ExpiringMap::new(MOST), ExpiringMap::new(MOST));
        let (admitted, rejected, queries, queries_elsewhere) =
            (ExpiringMap::new(MOST), ExpiringMap::new(MOST), Allowance::default(), Allowance::default());
        Self {
            admitted,
            rejected,
            elsewhere,
            rejected_identities,
            reported: ExpiringMap::new(MOST),
            queries,
            queries_elsewhere,
            blocked,
            changes: 0,
            changed: ExpiringMap::new(MOST),
        }
    }
}

impl Admission {
    /// Checks that the credential was not rejected a moment ago.
    pub(crate) fn check_rejected(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let Some(digest) = digest(actor) else { return Ok(()) };
        let key = (workspace, digest);
        let rejected = [RejectedFrom::Anywhere, RejectedFrom::From(from)]
            .into_iter()
            .find_map(|rejected_from| self.rejected.get(&(key, rejected_from), now));
        rejected.map_or(Ok(()), |rejected| Err(Problem::from(*rejected)))
    }

    /// Checks that the address is not blocked. For credentials that were not admitted recently.
    pub(crate) fn check_address(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let is_blocked = from.is_some_and(|address| self.blocked.get(&network(address), now).is_some());
        if is_blocked { Err(blocked()) } else { Ok(()) }
    }

    /// Whether the credential was admitted recently, from that network.
    pub(crate) fn is_admitted(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> bool {
        let is_admitted = |digest| self.admitted.get(&((workspace, digest), from.map(network)), now).is_some();
        digest(actor).is_some_and(is_admitted)
    }

    /// Takes from the allowance for querying a workspace's ledger about this credential.
    pub(crate) fn take_allowance_for(
        &mut self,
        workspace: WorkspaceKey,
        actor: Actor,
        kind: QueryKind,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let elsewhere = digest(actor).map(|digest| (workspace, digest));
        match elsewhere.filter(|key| self.elsewhere.get(key, now).is_some()) {
            None => self.take_allowance(workspace, kind, now),
            Some(key) if self.queries_elsewhere.take(key, ELSEWHERE_PER_SECOND, now) => Ok(()),
            Some(_) => Err(too_many()),
        }
    }

    /// Takes from the allowance for querying a workspace's ledger for a requester of this kind.
    pub(crate) fn take_allowance(
        &mut self,
        workspace: WorkspaceKey,
        kind: QueryKind,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let per_second = match kind {
            QueryKind::Sealed => SEALED_PER_SECOND,
            QueryKind::Other | QueryKind::BeforeSignIn | QueryKind::ForeignPage | QueryKind::SignIn => {
                OTHERS_PER_SECOND
            }
        };
        if self.queries.take((workspace, kind), per_second, now) { Ok(()) } else { Err(too_many()) }
    }

    /// Records that the ledger admitted the credential, from that address.
    pub(crate) fn admit(&mut self, workspace: WorkspaceKey, actor: Actor, from: Option<IpAddr>, now: Timestamp) {
        if let Some(digest) = digest(actor) {
            self.admitted.put(((workspace, digest), from.map(network)), (), ADMITTED, now);
        }
    }

    /// Checks that the ledger has not rejected this identity a moment ago. `claims` is a digest of the provider's claims.
    pub(crate) fn check_identity(
        &self,
        workspace: WorkspaceKey,
        claims: Digest,
        now: Timestamp,
    ) -> Result<(), Problem> {
        self.rejected_identities
            .get(&(workspace, claims), now)
            .map_or(Ok(()), |why| Err(Problem::sign_in_failed(why.as_str())))
    }

    /// Whether the ledger was not told of this failed sign-in within the last minute. The caller then tells it.
    pub(crate) fn should_report(&mut self, workspace: WorkspaceKey, note: Digest, now: Timestamp) -> bool {
        let should_report = self.reported.get(&(workspace, note), now).is_none();
        if should_report {
            self.reported.put((workspace, note), (), REPORT_INTERVAL, now);
        }
        should_report
    }

    /// Records that the ledger could not be told.
    pub(crate) fn report_failed(&mut self, workspace: WorkspaceKey, note: Digest) {
        self.reported.forget(&(workspace, note));
    }

    /// Records that the ledger rejected this identity.
    pub(crate) fn reject_identity(&mut self, workspace: WorkspaceKey, claims: Digest, why: String, now: Timestamp) {
        self.rejected_identities.put((workspace, claims), why, UNKNOWN, now);
    }

    /// Records that the ledger rejected the credential, if that is what the error says. The query was sent after
    /// `asked_after` changes.
    pub(crate) fn reject(
        &mut self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Option<IpAddr>,
        refusal: &CommandError,
        asked_after: u64,
        now: Timestamp,
    ) {
        if self.changed.get(&workspace, now).is_some_and(|changed| *changed > asked_after) {
            return;
        }
        let (rejected, milliseconds) = match refusal {
            CommandError::Unauthenticated { code: code @ Code::Revoked } => (RejectedCredential::Token(*code), FINAL),
            CommandError::Unauthenticated { code: code @ Code::Unknown } => (RejectedCredential::Token(*code), UNKNOWN),
            CommandError::Unauthenticated { code } => (RejectedCredential::Token(*code), TEMPORARY),
            CommandError::SessionEnded => (RejectedCredential::Session, UNKNOWN),
            _ => return,
        };
        let Some(digest) = digest(actor) else { return };
        let is_for_address = matches!(rejected, RejectedCredential::Token(Code::AddressNotAllowed));
        self.admitted.forget(&((workspace, digest), from.map(network)));
        if is_for_address {
            self.elsewhere.put((workspace, digest), (), ADMITTED, now);
        }
        let rejected_from = if is_for_address { RejectedFrom::From(from) } else { RejectedFrom::Anywhere };
        self.rejected.put(((workspace, digest), rejected_from), rejected, milliseconds, now);
    }

    /// How many changes were made before now. A query that is sent from now on is decided after them.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Records a change in this workspace through this isolate: it may have made rejected credentials valid, also those
    /// whose rejection has not arrived yet.
    pub(crate) fn forget_rejected(&mut self, workspace: WorkspaceKey, now: Timestamp) {
        self.changes += 1;
        self.changed.put(workspace, self.changes, ADMITTED, now);
        self.rejected.retain(|((of, _), _), _| *of != workspace);
        self.rejected_identities.retain(|(of, _), _| *of != workspace);
    }

    /// Blocks an address that sent too many rejected credentials.
    pub(crate) fn block(&mut self, address: IpAddr, now: Timestamp) {
        self.blocked.put(network(address), (), BLOCKED, now);
    }
}

fn digest(actor: Actor) -> Option<Digest> {
    match actor {
        Actor::Token(digest) | Actor::Session(digest) => Some(digest),
        Actor::Root | Actor::Verifier | Actor::SignIn => None,
    }
}

impl From<RejectedCredential> for Problem {
    fn from(rejected: RejectedCredential) -> Self {
        match rejected {
            RejectedCredential::Token(code) => Self::credential(code),
            RejectedCredential::Session => Self::session_ended(),
        }
    }
}

fn blocked() -> Problem {
    let detail = "Too many invalid credentials from your address. Send a valid one after the time in `Retry-After`.";
    limited(detail).again_in(10)
}

pub(crate) fn too_many() -> Problem {
    limited("Too many requests with unknown credentials or workspace names. Retry after the time in `Retry-After`.")
}

/// The problem of a request that exceeds a rate limit.
pub(crate) fn limited(detail: &str) -> Problem {
    Problem::new(ProblemCode::RateLimited, detail)
}
