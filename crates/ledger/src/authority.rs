//! Who acts, and what that lets them do.

use core::net::IpAddr;

use counterfoil_protocol::{
    BuiltIn,
    command::{Actor, Command, Role},
    command_error::{CommandError, ForbiddenCode},
};
use counterfoil_verify::{Code, Demand, ScopeSet, Timestamp};

use crate::{
    rows::{MemberRow, Opened, OwnedToken, SessionRow, WorkspaceRow},
    sql::Sql,
};

/// An actor whose credential has passed.
pub(crate) enum Authority {
    /// Acts as an admin who is granted everything, and is no member.
    Root,
    /// The control plane's own verifier: holds `tokens:verify`, reports uses, and nothing else.
    Verifier,
    /// The control plane, where somebody signs in: holds nothing.
    SignIn,
    /// A member in a session that an identity provider vouched for.
    Person(Box<Person>),
    /// The bearer of a token that is valid now, or of a session that such a token opened.
    Bearer(Box<Bearer>),
}

/// The token that acts, and what it may do.
pub(crate) struct Bearer {
    pub(crate) held: OwnedToken,
    pub(crate) effective: ScopeSet,
    /// The session in which it acts.
    pub(crate) session: Option<SessionRow>,
}

/// A member that acts for itself: it may do all that it is granted, as a token `*` of it might.
pub(crate) struct Person {
    pub(crate) member: MemberRow,
    session: SessionRow,
}

impl Authority {
    /// Authenticates the actor by the very rules that verification follows: one function judges tokens here and there.
    /// A session stands for the text that opened it, which is judged anew each time: whatever ends or narrows that text
    /// has ended or narrowed the session. Where an identity provider vouched for its member instead, what ends the session
    /// has removed it.
    ///
    /// # Errors
    /// [`CommandError::Unauthenticated`] with the code that verification gives; [`CommandError::SessionEnded`].
    pub(crate) fn of(
        actor: Actor,
        sql: &dyn Sql,
        workspace: &WorkspaceRow,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, CommandError> {
        let (digest, session) = match actor {
            Actor::Root => return Ok(Self::Root),
            Actor::Verifier => return Ok(Self::Verifier),
            Actor::SignIn => return Ok(Self::SignIn),
            Actor::Token(digest) => (digest, None),
            Actor::Session(digest) => {
                let session = SessionRow::by_digest(sql, digest, now)?.ok_or(CommandError::SessionEnded)?;
                match session.opened {
                    Opened::WithToken(digest) => (digest, Some(session)),
                    Opened::ByProvider { .. } => return Self::vouched_for(session, sql, workspace),
                }
            }
        };
        let held = OwnedToken::by_digest(sql, digest)?.ok_or(CommandError::unauthenticated(Code::Unknown))?;
        let mut demand = Demand::of(workspace.key);
        demand.address = address;
        // How fresh an answer must be is no question here: this is the ledger.
        match held.judge(&workspace.record(Vec::new()), &demand, now) {
            Code::Valid => {
                let effective = held.effective_scopes();
                Ok(Self::Bearer(Box::new(Bearer { held, effective, session })))
            }
            code => Err(CommandError::unauthenticated(code)),
        }
    }

    fn vouched_for(session: SessionRow, sql: &dyn Sql, workspace: &WorkspaceRow) -> Result<Self, CommandError> {
        if workspace.suspended {
            return Err(CommandError::unauthenticated(Code::WorkspaceSuspended));
        }
        let member = MemberRow::by_number(sql, session.member)?.filter(|member| !member.suspended);
        Ok(Self::Person(Box::new(Person { member: member.ok_or(CommandError::SessionEnded)?, session })))
    }

    /// # Errors
    /// [`CommandError::MissingScope`] where the actor does not hold the scope.
    pub(crate) fn require(&self, scope: BuiltIn) -> Result<(), CommandError> {
        if self.holds(scope) { Ok(()) } else { Err(CommandError::MissingScope { scope: scope.name().to_owned() }) }
    }

    pub(crate) fn holds(&self, scope: BuiltIn) -> bool {
        match self {
            Self::Root => true,
            Self::Verifier => scope == BuiltIn::TokensVerify,
            Self::SignIn => false,
            Self::Person(person) => scope.is_in(&person.member.grants),
            Self::Bearer(bearer) => scope.is_in(&bearer.effective),
        }
    }

    /// # Errors
    /// [`ForbiddenCode::RootOnly`]
    pub(crate) fn require_root(&self) -> Result<(), CommandError> {
        match self {
            Self::Root => Ok(()),
            _ => Err(CommandError::forbidden(ForbiddenCode::RootOnly, "Only the root token may do this.")),
        }
    }

    /// # Errors
    /// [`CommandError::Internal`]: nobody else can come to ask for it from outside.
    pub(crate) fn require_verifier(&self) -> Result<(), CommandError> {
        match self {
            Self::Verifier => Ok(()),
            _ => Err(CommandError::internal("only a verifier may do this")),
        }
    }

    /// # Errors
    /// [`CommandError::Internal`], likewise.
    pub(crate) fn require_sign_in(&self) -> Result<(), CommandError> {
        match self {
            Self::SignIn => Ok(()),
            _ => Err(CommandError::internal("only the control plane may do this, where somebody signs in")),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        matches!(self, Self::Root) || self.member().is_some_and(|member| member.role == Role::Admin)
    }

    /// The id under which what the actor does is written down; root has none.
    pub(crate) fn id(&self) -> Option<&str> {
        self.session().map(|session| &*session.id).or_else(|| self.token().map(|held| &*held.token.id))
    }

    /// The session in which the actor acts.
    pub(crate) fn session(&self) -> Option<&SessionRow> {
        match self {
            Self::Bearer(bearer) => bearer.session.as_ref(),
            Self::Person(person) => Some(&person.session),
            _ => None,
        }
    }

    /// The token that acts, in a session the one that opened it.
    pub(crate) fn token(&self) -> Option<&OwnedToken> {
        match self {
            Self::Bearer(bearer) => Some(&bearer.held),
            _ => None,
        }
    }

    /// The member as whom the actor acts.
    pub(crate) fn member(&self) -> Option<&MemberRow> {
        match self {
            Self::Bearer(bearer) => Some(&bearer.held.owner),
            Self::Person(person) => Some(&person.member),
            _ => None,
        }
    }

    /// Whether the actor may see and change this member's tokens: admins all, others their own.
    pub(crate) fn may_act_on(&self, owner: u64) -> bool {
        self.is_admin() || self.member().is_some_and(|member| member.number == owner)
    }
}

/// Checks that the text presented may have this done. One that rotation replaced is used as before until it ends, by whoever
/// still holds it, and that may be whom it was rotated away from: so it asks its questions, and does nothing that lasts. What
/// is not named here is refused, a command that is new as well, and whatever scopes the token holds.
///
/// # Errors
/// `REPLACED_TEXT`
pub(crate) fn check_presented(authority: &Authority, command: &Command) -> Result<(), CommandError> {
    let Some(held) = authority.token().filter(|held| held.replaced_until().is_some()) else { return Ok(()) };
    let may = match command {
        question if question.is_question() => true,
        // It ends with the text that opens it.
        Command::OpenSession(_) => true,
        Command::EndSession(ask) => {
            authority.session().is_some_and(|own| ask.id.as_ref().is_none_or(|id| *id == own.id))
        }
        // Whoever finds it can make it harmless, and nothing else.
        Command::RevokeText(ask) => ask.digest == held.presented(),
        _ => false,
    };
    if may {
        return Ok(());
    }
    let detail = "A rotation replaced the token value presented: until it expires it can be used, but it changes nothing. \
        Present the value that the token has now.";
    Err(CommandError::forbidden(ForbiddenCode::ReplacedText, detail))
}
