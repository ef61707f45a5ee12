//! Authentication and authorization of the actor.

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

/// An authenticated actor.
pub(crate) enum Authority {
    /// The root token: acts as an admin with all scopes, but is not a member.
    Root,
    /// The control plane's own verifier. It has `tokens:verify`, can report usage, and nothing else.
    Verifier,
    /// The control plane during a sign-in. It has no scopes.
    SignIn,
    /// A member in a session that was opened through an identity provider.
    MemberSession(Box<MemberSession>),
    /// The bearer of a valid token, or of a session that was opened with one.
    Bearer(Box<Bearer>),
}

/// A bearer's token.
pub(crate) struct Bearer {
    pub(crate) held: OwnedToken,
    pub(crate) effective: ScopeSet,
    /// The session that was opened with the token, if the actor presented a session.
    pub(crate) session: Option<SessionRow>,
}

/// A member who signed in through an identity provider: has all granted scopes, like a token of the member with scope
/// `*`.
pub(crate) struct MemberSession {
    pub(crate) member: MemberRow,
    session: SessionRow,
}

impl Authority {
    /// Authenticates the actor by the same function that verifiers use.
    ///
    /// A session depends on the token value that opened it, which is verified again for each request: if that value
    /// expires, is revoked or loses scopes, so does the session. A session that an identity provider opened has no
    /// token; whatever ends such a session deletes its row.
    ///
    /// # Errors
    /// [`CommandError::Unauthenticated`] with the code of the decision; [`CommandError::SessionEnded`].
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
                    Opened::ByProvider { .. } => return Self::from_provider(session, sql, workspace),
                }
            }
        };
        let held = OwnedToken::by_digest(sql, digest)?.ok_or(CommandError::unauthenticated(Code::Unknown))?;
        let mut demand = Demand::of(workspace.key);
        demand.address = address;
        // Freshness levels are irrelevant: the ledger's own records are always current.
        match held.decide(&workspace.record(Vec::new()), &demand, now) {
            Code::Valid => {
                let effective = held.effective_scopes();
                Ok(Self::Bearer(Box::new(Bearer { held, effective, session })))
            }
            code => Err(CommandError::unauthenticated(code)),
        }
    }

    fn from_provider(session: SessionRow, sql: &dyn Sql, workspace: &WorkspaceRow) -> Result<Self, CommandError> {
        if workspace.suspended {
            return Err(CommandError::unauthenticated(Code::WorkspaceSuspended));
        }
        let member = MemberRow::by_number(sql, session.member)?.filter(|member| !member.suspended);
        Ok(Self::MemberSession(Box::new(MemberSession { member: member.ok_or(CommandError::SessionEnded)?, session })))
    }

    /// # Errors
    /// [`CommandError::MissingScope`] if the actor does not have the scope.
    pub(crate) fn require(&self, scope: BuiltIn) -> Result<(), CommandError> {
        if self.holds(scope) { Ok(()) } else { Err(CommandError::MissingScope { scope: scope.name().to_owned() }) }
    }

    pub(crate) fn holds(&self, scope: BuiltIn) -> bool {
        match self {
            Self::Root => true,
            Self::Verifier => scope == BuiltIn::TokensVerify,
            Self::SignIn => false,
            Self::MemberSession(person) => scope.is_in(&person.member.grants),
            Self::Bearer(bearer) => scope.is_in(&bearer.effective),
        }
    }

    /// # Errors
    /// [`ForbiddenCode::RootOnly`]
    pub(crate) fn require_root(&self) -> Result<(), CommandError> {
        match self {
            Self::Root => Ok(()),
            _ => Err(CommandError::forbidden(ForbiddenCode::RootOnly, "Only the deployment's root token can do this.")),
        }
    }

    /// # Errors
    /// [`CommandError::Internal`]: no external caller can send such a command as another actor.
    pub(crate) fn require_verifier(&self) -> Result<(), CommandError> {
        match self {
            Self::Verifier => Ok(()),
            _ => Err(CommandError::internal("only a verifier can do this")),
        }
    }

    /// # Errors
    /// [`CommandError::Internal`], as above.
    pub(crate) fn require_sign_in(&self) -> Result<(), CommandError> {
        match self {
            Self::SignIn => Ok(()),
            _ => Err(CommandError::internal("only the control plane can do this, during a sign-in")),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        matches!(self, Self::Root) || self.member().is_some_and(|member| member.role == Role::Admin)
    }

    /// The actor's id in audit rows. The root token has none.
    pub(crate) fn id(&self) -> Option<&str> {
        self.session().map(|session| &*session.id).or_else(|| self.token().map(|held| &*held.token.id))
    }

    /// The actor's session, if it acts in one.
    pub(crate) fn session(&self) -> Option<&SessionRow> {
        match self {
            Self::Bearer(bearer) => bearer.session.as_ref(),
            Self::MemberSession(person) => Some(&person.session),
            _ => None,
        }
    }

    /// The actor's token. In a session: the token that opened it.
    pub(crate) fn token(&self) -> Option<&OwnedToken> {
        match self {
            Self::Bearer(bearer) => Some(&bearer.held),
            _ => None,
        }
    }

    /// The member that the actor acts as.
    pub(crate) fn member(&self) -> Option<&MemberRow> {
        match self {
            Self::Bearer(bearer) => Some(&bearer.held.owner),
            Self::MemberSession(person) => Some(&person.member),
            _ => None,
        }
    }

    /// Whether the actor may see and change this member's tokens: admins those of all members, others only their own.
    pub(crate) fn may_act_on(&self, owner: u64) -> bool {
        self.is_admin() || self.member().is_some_and(|member| member.number == owner)
    }
}

/// Checks that the token value presented may execute the command.
///
/// A token value in its grace period may be held by the party that it was rotated away from. It may therefore only
/// read, verify and perform the actions listed here. All other commands, including new ones, are refused whatever its
/// scopes are.
///
/// # Errors
/// `REPLACED_TEXT`
pub(crate) fn check_presented(authority: &Authority, command: &Command) -> Result<(), CommandError> {
    let Some(held) = authority.token().filter(|held| held.replaced_until().is_some()) else { return Ok(()) };
    let may = match command {
        question if question.is_question() => true,
        // The session expires with the token value that opens it.
        Command::OpenSession(_) => true,
        Command::EndSession(ask) => {
            authority.session().is_some_and(|own| ask.id.as_ref().is_none_or(|id| *id == own.id))
        }
        // The holder of a leaked token value may revoke that value, and no other.
        Command::RevokeText(ask) => ask.digest == held.presented(),
        _ => false,
    };
    if may {
        return Ok(());
    }
    let detail = "A rotation replaced the token value that you present, so it cannot change anything. Present the \
        token's current value.";
    Err(CommandError::forbidden(ForbiddenCode::ReplacedText, detail))
}
