//! What an isolate remembers of credentials, so that nobody makes a ledger work by presenting what does not pass.
//!
//! The ledger judges each command in the command's own transaction, and its word alone lets anybody in. Here is remembered
//! for seconds whom it has refused: the same credential is refused again without asking. Whom it has let in within the last
//! minute is never limited by what follows. All others share an allowance in each workspace: a stranger cannot make up
//! credentials of our own form, which are refused by their seal, but any number of foreign ones. And an address from which
//! too many credentials came that did not pass is shut for some seconds to all but those that have.
//!
//! **A token that was issued a moment ago works at once, everywhere**: its value did not exist before, so nobody can have
//! been refused for it. A token that was switched on again, or imported after somebody had presented it, may be refused
//! for [`BRIEF`] or [`UNKNOWN`] more by another isolate than the one that it was changed through.

use std::net::IpAddr;

use counterfoil_ledger::{Refusal, command::Actor};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Allowance, Code, Timestamp};
use http::StatusCode;

use crate::{expiring::Expiring, problem::Problem};

/// For how many milliseconds a refusal is remembered that nothing takes back.
const FINAL: u64 = 10_000;

/// The same of a credential that is not known, or of a session that is over.
const UNKNOWN: u64 = 2_000;

/// The same of one that may pass a moment later: it was switched off, or its time has not come.
const BRIEF: u64 = 1_000;

/// For how many milliseconds a credential counts as one that passes.
const LET_IN: u64 = 60_000;

/// For how many milliseconds an address is shut.
const SHUT: u64 = 10_000;

/// The most credentials, and the most addresses, that are remembered.
const MOST: usize = 4_096;

/// How often in a second one ledger is asked about credentials of our own form that have not passed lately, and how often on
/// behalf of everybody else. They are two, so that inventions keep no token of ours out.
pub(crate) const SEALED_PER_SECOND: u32 = 200;
/// See [`SEALED_PER_SECOND`].
pub(crate) const OTHERS_PER_SECOND: u32 = 50;

/// A credential in a workspace.
type Key = (WorkspaceKey, Digest);

/// See the module.
pub(crate) struct Admission {
    let_in: Expiring<Key, ()>,
    /// With the address, where that is what it was refused for.
    refused: Expiring<(Key, Option<IpAddr>), Refused>,
    asked: Allowance<(WorkspaceKey, Kind)>,
    shut: Expiring<IpAddr, ()>,
}

/// Why a credential was refused.
#[derive(Clone, Copy)]
enum Refused {
    Token(Code),
    Session,
}

/// What is known of somebody before the ledger is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They present what has our seal.
    Sealed,
    /// They present something else, or nothing.
    Other,
}

impl Default for Admission {
    fn default() -> Self {
        let (let_in, refused, shut) = (Expiring::new(MOST), Expiring::new(MOST), Expiring::new(MOST));
        Self { let_in, refused, asked: Allowance::default(), shut }
    }
}

impl Admission {
    /// Checks that the credential was not refused a moment ago. Costs nobody anything.
    pub(crate) fn check_refused(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let Some(digest) = digest(actor) else { return Ok(()) };
        let key = (workspace, digest);
        let refused = self.refused.get(&(key, None), now).or_else(|| self.refused.get(&(key, Some(from?)), now));
        refused.map_or(Ok(()), |refused| Err(Problem::from(*refused)))
    }

    /// Checks that the address is not shut, for whoever has not been let in lately.
    pub(crate) fn check_address(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let is_shut = from.is_some_and(|address| self.shut.get(&network(address), now).is_some());
        if is_shut { Err(shut()) } else { Ok(()) }
    }

    /// Whether the credential was let in lately.
    pub(crate) fn knows(&self, workspace: WorkspaceKey, actor: Actor, now: Timestamp) -> bool {
        digest(actor).is_some_and(|digest| self.let_in.get(&(workspace, digest), now).is_some())
    }

    /// Takes leave to ask a workspace's ledger about somebody of this kind.
    pub(crate) fn take(&mut self, workspace: WorkspaceKey, kind: Kind, now: Timestamp) -> Result<(), Problem> {
        let per_second = match kind {
            Kind::Sealed => SEALED_PER_SECOND,
            Kind::Other => OTHERS_PER_SECOND,
        };
        if self.asked.take((workspace, kind), per_second, now) { Ok(()) } else { Err(too_many()) }
    }

    /// The credential was let in.
    pub(crate) fn let_in(&mut self, workspace: WorkspaceKey, actor: Actor, now: Timestamp) {
        if let Some(digest) = digest(actor) {
            self.let_in.put((workspace, digest), (), LET_IN, now);
        }
    }

    /// The credential was refused, where that is why.
    pub(crate) fn refuse(
        &mut self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Option<IpAddr>,
        refusal: &Refusal,
        now: Timestamp,
    ) {
        let (refused, milliseconds) = match refusal {
            Refusal::Unauthenticated { code: code @ Code::Revoked } => (Refused::Token(*code), FINAL),
            Refusal::Unauthenticated { code: code @ Code::Unknown } => (Refused::Token(*code), UNKNOWN),
            Refusal::Unauthenticated { code } => (Refused::Token(*code), BRIEF),
            Refusal::SessionEnded => (Refused::Session, UNKNOWN),
            _ => return,
        };
        let Some(digest) = digest(actor) else { return };
        let from = from.filter(|_| matches!(refused, Refused::Token(Code::AddressNotAllowed)));
        self.let_in.forget(&(workspace, digest));
        self.refused.put(((workspace, digest), from), refused, milliseconds, now);
    }

    /// Something changed in this workspace through this isolate: whoever was refused may be let in now.
    pub(crate) fn forget_refused(&mut self, workspace: WorkspaceKey) {
        self.refused.retain(|((of, _), _)| *of != workspace);
    }

    /// Too many credentials that do not pass come from this address.
    pub(crate) fn shut(&mut self, address: IpAddr, now: Timestamp) {
        self.shut.put(network(address), (), SHUT, now);
    }
}

fn digest(actor: Actor) -> Option<Digest> {
    match actor {
        Actor::Token(digest) | Actor::Session(digest) => Some(digest),
        Actor::Root | Actor::Verifier | Actor::SignIn => None,
    }
}

/// What one client has of addresses: of IPv6 a network of 64 bits (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Token(code) => Self::credential(code),
            Refused::Session => Self::session_ended(),
        }
    }
}

fn shut() -> Problem {
    let detail = "Too many credentials that do not pass came from your address. Try again after Retry-After, with one that does.";
    Problem { again_in: 10, ..limited(detail) }
}

pub(crate) fn too_many() -> Problem {
    limited(
        "Too many requests came at once with credentials, or names of workspaces, that were not seen before. Try again.",
    )
}

/// More was asked for than is answered in so short a time.
pub(crate) fn limited(detail: &str) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail)
}
