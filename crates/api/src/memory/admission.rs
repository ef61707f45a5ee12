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

use counterfoil_protocol::{CommandError, command::Actor};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Allowance, Code, Timestamp};

use crate::{
    http::{Problem, ProblemCode},
    memory::{expiring::Expiring, network::network},
};

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
const SEALED_PER_SECOND: u32 = 200;
const OTHERS_PER_SECOND: u32 = 50;

/// The same about one credential that was refused at another address a moment ago: it is not to use up what all share.
const ELSEWHERE_PER_SECOND: u32 = 20;

/// For how many milliseconds a ledger is not told again why nobody was signed in: it writes that down once in a minute.
const NEWS: u64 = 60_000;

/// A credential in a workspace.
type Key = (WorkspaceKey, Digest);

/// See the module.
pub(crate) struct Admission {
    /// With the network that they came from: one that is bound to addresses passes from there alone.
    let_in: Expiring<(Key, Option<IpAddr>), ()>,
    refused: Expiring<(Key, RefusedFrom), RefusedCredential>,
    /// Those that were refused for an address, whichever.
    elsewhere: Expiring<Key, ()>,
    /// Who was signed in by a provider, and by no ledger: a digest of what it says of them, and why, for the log.
    nobodies: Expiring<Key, String>,
    /// Why nobody was signed in, as ledgers were told.
    news: Expiring<Key, ()>,
    asked: Allowance<(WorkspaceKey, Kind)>,
    asked_elsewhere: Allowance<Key>,
    shut: Expiring<IpAddr, ()>,
    /// How often anything was changed through this isolate, and where so recently that a refusal from before may still come.
    changes: u64,
    changed: Expiring<WorkspaceKey, u64>,
}

/// From where a credential is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RefusedFrom {
    Anywhere,
    /// From this address, which is what it was refused for; also where that is not known.
    From(Option<IpAddr>),
}

/// Why a credential was refused.
#[derive(Clone, Copy)]
enum RefusedCredential {
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
    /// They are about to sign in.
    BeforeSignIn,
    /// The same, by a page of another origin.
    ForeignPage,
    /// A provider has signed them in.
    SignIn,
}

impl Default for Admission {
    fn default() -> Self {
        let (elsewhere, nobodies, shut) = (Expiring::new(MOST), Expiring::new(MOST), Expiring::new(MOST));
        let (let_in, refused, asked, asked_elsewhere) =
            (Expiring::new(MOST), Expiring::new(MOST), Allowance::default(), Allowance::default());
        Self {
            let_in,
            refused,
            elsewhere,
            nobodies,
            news: Expiring::new(MOST),
            asked,
            asked_elsewhere,
            shut,
            changes: 0,
            changed: Expiring::new(MOST),
        }
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
        let refused = [RefusedFrom::Anywhere, RefusedFrom::From(from)]
            .into_iter()
            .find_map(|whence| self.refused.get(&(key, whence), now));
        refused.map_or(Ok(()), |refused| Err(Problem::from(*refused)))
    }

    /// Checks that the address is not shut, for whoever has not been let in lately.
    pub(crate) fn check_address(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let is_shut = from.is_some_and(|address| self.shut.get(&network(address), now).is_some());
        if is_shut { Err(shut()) } else { Ok(()) }
    }

    /// Whether the credential was let in lately, from there.
    pub(crate) fn knows(&self, workspace: WorkspaceKey, actor: Actor, from: Option<IpAddr>, now: Timestamp) -> bool {
        let is_known = |digest| self.let_in.get(&((workspace, digest), from.map(network)), now).is_some();
        digest(actor).is_some_and(is_known)
    }

    /// Takes leave to ask a workspace's ledger about this credential, of this kind.
    pub(crate) fn take_for(
        &mut self,
        workspace: WorkspaceKey,
        actor: Actor,
        kind: Kind,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let elsewhere = digest(actor).map(|digest| (workspace, digest));
        match elsewhere.filter(|key| self.elsewhere.get(key, now).is_some()) {
            None => self.take(workspace, kind, now),
            Some(key) if self.asked_elsewhere.take(key, ELSEWHERE_PER_SECOND, now) => Ok(()),
            Some(_) => Err(too_many()),
        }
    }

    /// Takes leave to ask a workspace's ledger about somebody of this kind.
    pub(crate) fn take(&mut self, workspace: WorkspaceKey, kind: Kind, now: Timestamp) -> Result<(), Problem> {
        let per_second = match kind {
            Kind::Sealed => SEALED_PER_SECOND,
            Kind::Other | Kind::BeforeSignIn | Kind::ForeignPage | Kind::SignIn => OTHERS_PER_SECOND,
        };
        if self.asked.take((workspace, kind), per_second, now) { Ok(()) } else { Err(too_many()) }
    }

    /// The credential was let in, from there.
    pub(crate) fn let_in(&mut self, workspace: WorkspaceKey, actor: Actor, from: Option<IpAddr>, now: Timestamp) {
        if let Some(digest) = digest(actor) {
            self.let_in.put(((workspace, digest), from.map(network)), (), LET_IN, now);
        }
    }

    /// Checks that the ledger has not refused a moment ago whom a provider has signed in, by a digest of what it says of them.
    pub(crate) fn check_somebody(&self, workspace: WorkspaceKey, said: Digest, now: Timestamp) -> Result<(), Problem> {
        self.nobodies.get(&(workspace, said), now).map_or(Ok(()), |why| Err(Problem::sign_in_failed(why.as_str())))
    }

    /// Whether the ledger was not told of this within the last minute. It is about to be.
    pub(crate) fn is_news(&mut self, workspace: WorkspaceKey, said: Digest, now: Timestamp) -> bool {
        let is_news = self.news.get(&(workspace, said), now).is_none();
        if is_news {
            self.news.put((workspace, said), (), NEWS, now);
        }
        is_news
    }

    /// The ledger could not be told.
    pub(crate) fn is_untold(&mut self, workspace: WorkspaceKey, said: Digest) {
        self.news.forget(&(workspace, said));
    }

    /// The ledger has refused them.
    pub(crate) fn refuse_nobody(&mut self, workspace: WorkspaceKey, said: Digest, why: String, now: Timestamp) {
        self.nobodies.put((workspace, said), why, UNKNOWN, now);
    }

    /// The credential was refused, where that is why. The ledger was asked after so many changes.
    pub(crate) fn refuse(
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
        let (refused, milliseconds) = match refusal {
            CommandError::Unauthenticated { code: code @ Code::Revoked } => (RefusedCredential::Token(*code), FINAL),
            CommandError::Unauthenticated { code: code @ Code::Unknown } => (RefusedCredential::Token(*code), UNKNOWN),
            CommandError::Unauthenticated { code } => (RefusedCredential::Token(*code), BRIEF),
            CommandError::SessionEnded => (RefusedCredential::Session, UNKNOWN),
            _ => return,
        };
        let Some(digest) = digest(actor) else { return };
        let is_of_address = matches!(refused, RefusedCredential::Token(Code::AddressNotAllowed));
        self.let_in.forget(&((workspace, digest), from.map(network)));
        if is_of_address {
            self.elsewhere.put((workspace, digest), (), LET_IN, now);
        }
        let whence = if is_of_address { RefusedFrom::From(from) } else { RefusedFrom::Anywhere };
        self.refused.put(((workspace, digest), whence), refused, milliseconds, now);
    }

    /// How often anything was changed before now: what is asked from now on is judged after that.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Something changed in this workspace through this isolate: whoever was refused may be let in now, and so may be those
    /// whose refusal is on its way.
    pub(crate) fn forget_refused(&mut self, workspace: WorkspaceKey, now: Timestamp) {
        self.changes += 1;
        self.changed.put(workspace, self.changes, LET_IN, now);
        self.refused.retain(|((of, _), _), _| *of != workspace);
        self.nobodies.retain(|(of, _), _| *of != workspace);
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

impl From<RefusedCredential> for Problem {
    fn from(refused: RefusedCredential) -> Self {
        match refused {
            RefusedCredential::Token(code) => Self::credential(code),
            RefusedCredential::Session => Self::session_ended(),
        }
    }
}

fn shut() -> Problem {
    let detail = "Too many invalid credentials came from your address. Send a valid one after Retry-After.";
    Problem { again_in: 10, ..limited(detail) }
}

pub(crate) fn too_many() -> Problem {
    limited("Too many requests arrived with unknown credentials or workspace names. Try again after Retry-After.")
}

/// More was asked for than is answered in so short a time.
pub(crate) fn limited(detail: &str) -> Problem {
    Problem::new(ProblemCode::RateLimited, detail)
}
