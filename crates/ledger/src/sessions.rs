//! Sessions, which a browser holds instead of a token.
//!
//! A session that was opened with a token depends on exactly that token value. Operations that revoke, expire or
//! restrict the value need no knowledge of sessions: [`Authority`](crate::authority::Authority) verifies the value
//! again for each request of the session. A session that was opened through an identity provider depends on its member,
//! and whatever ends it deletes its row in the same transaction.
//!
//! As for a token, only the digest of the session value is stored, in a separate table: a session value is never
//! accepted as a token, or a token value as a session.

use counterfoil_protocol::{
    BuiltIn, TokenValue,
    command::{EndSession, IdentityProvider, ListSessions, Listing, OpenedSession, Owner, Session},
    command_error::{CommandError, ForbiddenCode},
    rfc3339,
};
use counterfoil_verify::{Code, Demand, ScopeSet, Timestamp};
use serde_json::{Value as Json, json};

use crate::{
    audit::{self, Change},
    cursor::{Count, List, MOST_COUNTED, Window},
    generator::Generator,
    rows::{MemberRow, Opened, OwnedToken, SessionRow, sessions},
    sql::MAX_INTEGER,
    transaction::Transaction,
};

/// A new session.
struct SessionDraft {
    member: Owner,
    opened: Opened,
    /// The number of the token that opens it.
    token: Option<u64>,
    /// The latest expiration; the workspace's session length may shorten it.
    ends: Option<Timestamp>,
    /// How it was opened, for the audit log.
    told: Json,
}

/// Opens a session with the actor's token.
pub(crate) fn open(tx: &Transaction<'_>, generator: &mut Generator<'_>) -> Result<OpenedSession, CommandError> {
    let Some(held) = tx.authority.token().filter(|_| tx.authority.session().is_none()) else {
        let detail = "Only a member's token can open a session. Another session or the root token cannot.";
        return Err(CommandError::forbidden(ForbiddenCode::TokenOnly, detail));
    };
    tx.authority.require(BuiltIn::SessionsCreate)?;
    let record = held.record(tx.now);
    let draft = SessionDraft {
        member: held.owner.as_owner(),
        opened: Opened::WithToken(held.presented()),
        token: Some(held.token.number),
        ends: record.expires_at.into_iter().chain(record.replaced_until).min(),
        told: json!({ "created_by": held.token.id }),
    };
    add(tx, generator, draft)
}

/// Opens a session for a member who signed in through this identity provider.
pub(crate) fn open_for(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    member: &MemberRow,
    provider: &IdentityProvider,
) -> Result<OpenedSession, CommandError> {
    let (issuer, audience) = (provider.issuer.to_string(), provider.audience.clone());
    let draft = SessionDraft {
        member: member.as_owner(),
        // The audit log identifies the member only by number, because its rows are permanent.
        told: json!({ "issuer": issuer, "member": member.number }),
        opened: Opened::ByProvider { issuer, audience },
        token: None,
        ends: None,
    };
    add(tx, generator, draft)
}

fn add(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    draft: SessionDraft,
) -> Result<OpenedSession, CommandError> {
    let SessionDraft { member, opened, token, ends, mut told } = draft;
    // Deletes expired sessions here too, because a workspace without other activity has no upkeep.
    sessions::sweep(tx.sql, tx.now)?;
    let ended = sessions::make_room(tx.sql, member.number)?;
    tx.next_generation()?;

    let text = generator.session(tx.workspace.key)?;
    let length = tx.workspace.settings.session_length.saturating_mul(1_000);
    let latest = tx.now.plus(length);
    let expires_at = ends.map_or(latest, |end| end.min(latest));
    let id = generator.session_id(tx.now);
    let mut session = SessionRow { number: 0, id, member: member.number, opened, created_at: tx.now, expires_at };
    session.insert(tx.sql, text.as_ref().digest(), token)?;
    if let Some(fields) = told.as_object_mut() {
        fields.insert("expires_at".to_owned(), rfc3339::format(expires_at).into());
        if ended > 0 {
            fields.insert("ended".to_owned(), ended.into());
        }
    }
    let change = Change { action: "session.create", subject: &session.id, before: None, after: Some(told) };
    audit::append_about(tx, change, Some(member.number))?;
    let seconds = expires_at.since(tx.now) / 1_000;
    Ok(OpenedSession { text: TokenValue::new(text.as_ref().expose()), seconds, session: view(tx, &session)? })
}

/// The actor's session.
pub(crate) fn read(tx: &Transaction<'_>) -> Result<Session, CommandError> {
    view(tx, acting(tx)?)
}

/// Ends a session. The error for a session that the actor may not act on is the same as for one that does not exist.
pub(crate) fn end(tx: &Transaction<'_>, ask: &EndSession) -> Result<Session, CommandError> {
    let own = acting(tx).ok().filter(|own| ask.id.as_ref().is_none_or(|id| *id == own.id));
    let session = match (own, &ask.id) {
        (Some(own), _) => own.clone(),
        (None, None) => return Err(CommandError::no_such("session")),
        (None, Some(id)) => {
            tx.authority.require(BuiltIn::TokensWrite)?;
            find(tx, id)?
        }
    };
    let ended = view(tx, &session)?;
    session.remove(tx.sql)?;
    let change = Change { action: "session.end", subject: &ended.id, before: None, after: None };
    audit::append_about(tx, change, Some(ended.member.number))?;
    Ok(Session { scopes: ScopeSet::default(), ..ended })
}

/// The newest first. Admins see all sessions, other members their own.
pub(crate) fn list(tx: &Transaction<'_>, ask: &ListSessions) -> Result<Listing<Session>, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Sessions)?;
    let only = tx.authority.member().filter(|_| !tx.authority.is_admin()).map(|own| own.number);
    let (total, is_exact) = SessionRow::count(tx.sql, only, tx.now, MOST_COUNTED)?;
    let total = Count { number: total, is_exact };
    let before = window.after.unwrap_or(MAX_INTEGER);
    let rows = SessionRow::page(tx.sql, only, before, window.rows(), tx.now)?;
    let rows = rows.into_iter().map(|session| Ok((session.number, view(tx, &session)?)));
    Ok(window.page(rows.collect::<Result<_, CommandError>>()?, total))
}

/// The view of a session.
fn view(tx: &Transaction<'_>, session: &SessionRow) -> Result<Session, CommandError> {
    let gone = |what: &str| CommandError::internal(format!("the {what} of {} is missing", session.id));
    let (member, scopes, created_by, issuer) = match &session.opened {
        Opened::WithToken(digest) => {
            let held = OwnedToken::by_digest(tx.sql, *digest)?.ok_or_else(|| gone("token"))?;
            // Address restrictions do not matter here.
            let demand = Demand::of(tx.workspace.key);
            let scopes = match held.decide(&tx.workspace.record(Vec::new()), &demand, tx.now) {
                Code::Valid | Code::AddressNotAllowed => held.effective_scopes(),
                _ => ScopeSet::default(),
            };
            (held.owner, scopes, Some(held.token.id), None)
        }
        Opened::ByProvider { issuer, .. } => {
            let member = MemberRow::by_number(tx.sql, session.member)?.ok_or_else(|| gone("member"))?;
            let scopes = if tx.workspace.suspended { ScopeSet::default() } else { member.grants.clone() };
            (member, scopes, None, Some(issuer.clone()))
        }
    };
    Ok(Session {
        id: session.id.clone(),
        member: member.as_owner(),
        scopes,
        created_at: session.created_at,
        expires_at: session.expires_at,
        created_by,
        issuer,
    })
}

fn acting<'a>(tx: &'a Transaction<'_>) -> Result<&'a SessionRow, CommandError> {
    tx.authority.session().ok_or_else(|| CommandError::no_such("session"))
}

fn find(tx: &Transaction<'_>, id: &str) -> Result<SessionRow, CommandError> {
    let found = SessionRow::by_id(tx.sql, id, tx.now)?;
    found.filter(|session| tx.authority.may_act_on(session.member)).ok_or_else(|| CommandError::no_such("session"))
}
