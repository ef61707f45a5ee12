//! Who acts, and what that lets them do.

use core::net::IpAddr;

use counterfoil_verify::{Code, Demand, ScopeSet, Timestamp};

use crate::{
    command::{Actor, Role},
    members::MemberRow,
    refusal::{ForbiddenCode, Refusal},
    scopes::BuiltIn,
    sql::Sql,
    tokens::OwnedToken,
    workspace::WorkspaceRow,
};

/// An actor whose credential has passed.
pub(crate) enum Authority {
    /// Acts as an admin who is granted everything, and is no member.
    Root,
    /// The control plane's own verifier: holds `tokens:verify`, reports uses, and nothing else.
    Verifier,
    /// The bearer of a token that is valid now.
    Bearer(Box<Bearer>),
}

/// The token that acts, and what it may do.
pub(crate) struct Bearer {
    pub(crate) held: OwnedToken,
    pub(crate) effective: ScopeSet,
}

impl Authority {
    /// Authenticates the actor by the very rules that verification follows: one function judges tokens here and there.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] with the code that verification gives.
    pub(crate) fn of(
        actor: Actor,
        sql: &dyn Sql,
        workspace: &WorkspaceRow,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let digest = match actor {
            Actor::Root => return Ok(Self::Root),
            Actor::Verifier => return Ok(Self::Verifier),
            Actor::Token(digest) => digest,
        };
        let held = OwnedToken::by_digest(sql, digest)?.ok_or(Refusal::unauthenticated(Code::Unknown))?;
        let mut demand = Demand::of(workspace.key);
        demand.address = address;
        // How fresh an answer must be is no question here: this is the ledger.
        match held.judge(&workspace.record(Vec::new()), &demand, now) {
            Code::Valid => {
                let effective = held.effective_scopes();
                Ok(Self::Bearer(Box::new(Bearer { held, effective })))
            }
            code => Err(Refusal::unauthenticated(code)),
        }
    }

    /// # Errors
    /// [`Refusal::MissingScope`] where the actor does not hold the scope.
    pub(crate) fn require(&self, scope: BuiltIn) -> Result<(), Refusal> {
        if self.holds(scope) { Ok(()) } else { Err(Refusal::MissingScope { scope: scope.name().to_owned() }) }
    }

    pub(crate) fn holds(&self, scope: BuiltIn) -> bool {
        match self {
            Self::Root => true,
            Self::Verifier => scope == BuiltIn::TokensVerify,
            Self::Bearer(bearer) => scope.is_in(&bearer.effective),
        }
    }

    /// # Errors
    /// [`ForbiddenCode::RootOnly`]
    pub(crate) fn require_root(&self) -> Result<(), Refusal> {
        match self {
            Self::Root => Ok(()),
            _ => Err(Refusal::forbidden(ForbiddenCode::RootOnly, "Only the root token may do this.")),
        }
    }

    /// # Errors
    /// [`Refusal::Internal`]: nobody else can come to ask for it from outside.
    pub(crate) fn require_verifier(&self) -> Result<(), Refusal> {
        match self {
            Self::Verifier => Ok(()),
            _ => Err(Refusal::internal("only a verifier may do this")),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        match self {
            Self::Root => true,
            Self::Verifier => false,
            Self::Bearer(bearer) => bearer.held.owner.role == Role::Admin,
        }
    }

    /// The token that acts.
    pub(crate) fn token(&self) -> Option<&OwnedToken> {
        match self {
            Self::Bearer(bearer) => Some(&bearer.held),
            _ => None,
        }
    }

    /// The member as whom the actor acts.
    pub(crate) fn member(&self) -> Option<&MemberRow> {
        self.token().map(|held| &held.owner)
    }

    /// Whether the actor may see and change this member's tokens: admins all, others their own.
    pub(crate) fn may_act_on(&self, owner: u64) -> bool {
        self.is_admin() || self.member().is_some_and(|member| member.number == owner)
    }
}
