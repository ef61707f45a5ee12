//! Sessions: what a browser holds in place of a token.
//!
//! A session that a token opened stands for the very text that opened it. Nothing that ends or narrows that text need know
//! of sessions: each time a session acts, [`Authority`](crate::authority::Authority) judges the text anew. A session that
//! an identity provider vouched for stands for its member, and whatever ends it removes its row in the same transaction.
//!
//! What is kept is the digest of the session's own text, as of a token's, but in a table of its own: neither is ever found
//! in place of the other.

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
    cursor::{List, Window},
    mint::Mint,
    rows::{MemberRow, Opened, OwnedToken, SessionRow, sessions},
    sql::MAX_INTEGER,
    transaction::Transaction,
};

/// A session about to be written down.
struct SessionDraft {
    member: Owner,
    opened: Opened,
    /// The number of the token that opens it.
    token: Option<u64>,
    /// When it ends at the latest, but for the workspace's session length.
    ends: Option<Timestamp>,
    /// What the audit says of how it was opened.
    told: Json,
}

/// Opens a session of the token that acts.
pub(crate) fn open(tx: &Transaction<'_>, mint: &mut Mint<'_>) -> Result<OpenedSession, CommandError> {
    let Some(held) = tx.authority.token().filter(|_| tx.authority.session().is_none()) else {
        let detail = "Only a member's token opens a session: neither another session nor the root token does.";
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
    add(tx, mint, draft)
}

/// Opens a session for a member that this provider vouches for.
pub(crate) fn open_for(
    tx: &Transaction<'_>,
    mint: &mut Mint<'_>,
    member: &MemberRow,
    provider: &IdentityProvider,
) -> Result<OpenedSession, CommandError> {
    let (issuer, audience) = (provider.issuer.to_string(), provider.audience.clone());
    let draft = SessionDraft {
        member: member.as_owner(),
        // Of who it is, the audit has the number alone: its rows are for ever.
        told: json!({ "issuer": issuer, "member": member.number }),
        opened: Opened::ByProvider { issuer, audience },
        token: None,
        ends: None,
    };
    add(tx, mint, draft)
}

fn add(tx: &Transaction<'_>, mint: &mut Mint<'_>, draft: SessionDraft) -> Result<OpenedSession, CommandError> {
    let SessionDraft { member, opened, token, ends, mut told } = draft;
    // Where nothing but this happens there is no upkeep, so it takes along what is over.
    sessions::sweep(tx.sql, tx.now)?;
    let ended = sessions::make_room(tx.sql, member.number)?;
    tx.next_generation()?;

    let text = mint.session(tx.workspace.key)?;
    let length = tx.workspace.settings.session_length.saturating_mul(1_000);
    let latest = tx.now.plus(length);
    let expires_at = ends.map_or(latest, |end| end.min(latest));
    let id = mint.session_id(tx.now);
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

/// The session that acts.
pub(crate) fn read(tx: &Transaction<'_>) -> Result<Session, CommandError> {
    view(tx, acting(tx)?)
}

/// Ends a session. One that the actor may not act on does not exist for it.
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

/// The newest first. An admin sees all, others their own.
pub(crate) fn list(tx: &Transaction<'_>, ask: &ListSessions) -> Result<Listing<Session>, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Sessions)?;
    let only = tx.authority.member().filter(|_| !tx.authority.is_admin()).map(|own| own.number);
    let total = SessionRow::count(tx.sql, only, tx.now)?;
    let before = window.after.unwrap_or(MAX_INTEGER);
    let rows = SessionRow::page(tx.sql, only, before, window.rows(), tx.now)?;
    let rows = rows.into_iter().map(|session| Ok((session.number, view(tx, &session)?)));
    Ok(window.page(rows.collect::<Result<_, CommandError>>()?, total))
}

/// What is shown of a session.
fn view(tx: &Transaction<'_>, session: &SessionRow) -> Result<Session, CommandError> {
    let gone = |what: &str| CommandError::internal(format!("the {what} of {} is gone", session.id));
    let (member, scopes, created_by, issuer) = match &session.opened {
        Opened::WithToken(digest) => {
            let held = OwnedToken::by_digest(tx.sql, *digest)?.ok_or_else(|| gone("token"))?;
            // From which addresses it may be used is not what is asked here.
            let demand = Demand::of(tx.workspace.key);
            let scopes = match held.judge(&tx.workspace.record(Vec::new()), &demand, tx.now) {
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
