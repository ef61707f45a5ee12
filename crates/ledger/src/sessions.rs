//! Sessions: what a browser holds in place of a token.
//!
//! A session stands for the very text that opened it. Nothing that ends or narrows that text need know of sessions: each
//! time a session acts, [`Authority`](crate::authority::Authority) judges the text anew. What is kept is the digest of
//! the session's own text, as of a token's, but in a table of its own: neither is ever found in place of the other.

use counterfoil_token::Digest;
use counterfoil_verify::{Code, Demand, ScopeSet, Timestamp};
use serde_json::json;

use crate::{
    audit::{self, Change},
    command::{EndSession, ListSessions, Listing, OpenedSession, Session},
    cursor::{List, Window},
    mint::Mint,
    refusal::{ForbiddenCode, Refusal},
    rfc3339,
    scopes::BuiltIn,
    secret::SecretText,
    sql::{MAX_INTEGER, Row, Sql, SqlError, Value},
    tokens::OwnedToken,
    upkeep::STEP,
    work::Work,
};

/// A session's row.
#[derive(Clone)]
pub(crate) struct SessionRow {
    number: u64,
    pub(crate) id: String,
    /// The digest of the text that opened it.
    pub(crate) opened_with: Digest,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// The columns that [`SessionRow::read`] takes, in its order.
const COLUMNS: &str = "sessions.number, sessions.id, sessions.opened_with, sessions.created_at, sessions.expires_at";

/// Sessions that go on: their time is not over, and the text that opened them may still pass, now or again. Takes the
/// time twice.
const GOING_ON: &str = "FROM sessions JOIN tokens ON tokens.number = sessions.token
    WHERE sessions.expires_at > ? AND tokens.revoked_at IS NULL AND (tokens.digest = sessions.opened_with
        OR EXISTS (SELECT 1 FROM replaced_texts WHERE digest = sessions.opened_with AND valid_until > ?))";

/// Opens a session of the token that acts.
pub(crate) fn open(work: &Work<'_>, mint: &mut Mint<'_>) -> Result<OpenedSession, Refusal> {
    let Some(held) = work.authority.token().filter(|_| work.authority.session().is_none()) else {
        let detail = "Only a member's token opens a session: neither another session nor the root token does.";
        return Err(Refusal::forbidden(ForbiddenCode::TokenOnly, detail));
    };
    work.authority.require(BuiltIn::SessionsCreate)?;
    // Where nothing but this happens there is no upkeep, so it takes along what is over.
    sweep(work.sql, work.now)?;
    work.next_generation()?;

    let text = mint.session(work.workspace.key)?;
    let record = held.record(work.now);
    let length = work.workspace.settings.session_length.saturating_mul(1_000);
    let ends = [record.expires_at, record.replaced_until, Some(work.now.plus(length))];
    let expires_at = ends.into_iter().flatten().min().unwrap_or(work.now);
    let id = mint.session_id(work.now);
    let digest = text.as_ref().digest();
    let opened_with = held.presented();
    let rows = work.sql.exec(
        "INSERT INTO sessions (id, digest, token, opened_with, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
         RETURNING number",
        &[
            (&id).into(),
            digest.into(),
            held.token.number.into(),
            opened_with.into(),
            work.now.into(),
            expires_at.into(),
        ],
    )?;
    let mut row = rows.into_iter().next().ok_or_else(|| SqlError::new("a row was not added"))?;
    let session = SessionRow { number: row.take()?, id, opened_with, created_at: work.now, expires_at };
    let after = json!({ "created_by": held.token.id, "expires_at": rfc3339::format(expires_at) });
    let change = Change { action: "session.create", subject: &session.id, before: None, after: Some(after) };
    audit::append_about(work, change, Some(held.token.owner))?;
    let seconds = expires_at.since(work.now) / 1_000;
    Ok(OpenedSession { text: SecretText::new(text.as_ref().expose()), seconds, session: session.view(work)? })
}

/// The session that acts.
pub(crate) fn read(work: &Work<'_>) -> Result<Session, Refusal> {
    acting(work)?.view(work)
}

/// Ends a session. One that the actor may not act on does not exist for it.
pub(crate) fn end(work: &Work<'_>, ask: &EndSession) -> Result<Session, Refusal> {
    let own = acting(work).ok().filter(|own| ask.id.as_ref().is_none_or(|id| *id == own.id));
    let session = match (own, &ask.id) {
        (Some(own), _) => own.clone(),
        (None, None) => return Err(Refusal::no_such("session")),
        (None, Some(id)) => {
            work.authority.require(BuiltIn::TokensWrite)?;
            find(work, id)?
        }
    };
    let ended = session.view(work)?;
    work.sql.exec("DELETE FROM sessions WHERE number = ?", &[session.number.into()])?;
    let change = Change { action: "session.end", subject: &ended.id, before: None, after: None };
    audit::append_about(work, change, Some(ended.member.number))?;
    Ok(Session { scopes: ScopeSet::default(), ..ended })
}

/// The newest first. An admin sees all, others their own.
pub(crate) fn list(work: &Work<'_>, ask: &ListSessions) -> Result<Listing<Session>, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Sessions)?;
    let mut clauses = GOING_ON.to_owned();
    let mut values: Vec<Value> = vec![work.now.into(), work.now.into()];
    if let Some(own) = work.authority.member().filter(|_| !work.authority.is_admin()) {
        clauses.push_str(" AND tokens.owner = ?");
        values.push(own.number.into());
    }
    let count = work.sql.exec(&format!("SELECT count(*) {clauses}"), &values)?.pop();
    let total = count.map_or(Ok(0), |mut row| row.take())?;
    let page = format!("SELECT {COLUMNS} {clauses} AND sessions.number < ? ORDER BY sessions.number DESC LIMIT ?");
    values.extend([window.after.unwrap_or(MAX_INTEGER).into(), window.rows().into()]);
    let rows = work.sql.exec(&page, &values)?.into_iter().map(|mut row| {
        let session = SessionRow::read(&mut row)?;
        Ok((session.number, session.view(work)?))
    });
    Ok(window.page(rows.collect::<Result<_, Refusal>>()?, total))
}

/// Removes some of the sessions whose time is over, and says when the next one's is.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM sessions WHERE number IN (
        SELECT number FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";
    sql.exec(over, &[now.into(), STEP.into()])?;
    sql.exec("SELECT min(expires_at) FROM sessions", &[])?.pop().map_or(Ok(None), |mut row| row.take())
}

/// Removes the sessions of the member with this number.
pub(crate) fn forget_member(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    let theirs = "DELETE FROM sessions WHERE token IN (SELECT number FROM tokens WHERE owner = ?)";
    sql.exec(theirs, &[number.into()])?;
    Ok(())
}

impl SessionRow {
    /// The session whose text has this digest, if its time is not over.
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest, now: Timestamp) -> Result<Option<Self>, SqlError> {
        let query = format!("SELECT {COLUMNS} FROM sessions WHERE digest = ? AND expires_at > ?");
        sql.exec(&query, &[digest.into(), now.into()])?.pop().map(|mut row| Self::read(&mut row)).transpose()
    }

    fn read(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self {
            number: row.take()?,
            id: row.take()?,
            opened_with: row.take()?,
            created_at: row.take()?,
            expires_at: row.take()?,
        })
    }

    fn view(&self, work: &Work<'_>) -> Result<Session, Refusal> {
        let held = OwnedToken::by_digest(work.sql, self.opened_with)?;
        let held = held.ok_or_else(|| Refusal::internal(format!("the token of {} is gone", self.id)))?;
        // From which addresses it may be used is not what is asked here.
        let scopes = match held.judge(&work.workspace.record(Vec::new()), &Demand::of(work.workspace.key), work.now) {
            Code::Valid | Code::AddressNotAllowed => held.effective_scopes(),
            _ => ScopeSet::default(),
        };
        Ok(Session {
            id: self.id.clone(),
            member: held.owner.as_owner(),
            scopes,
            created_at: self.created_at,
            expires_at: self.expires_at,
            created_by: held.token.id,
        })
    }
}

fn acting<'a>(work: &'a Work<'_>) -> Result<&'a SessionRow, Refusal> {
    work.authority.session().ok_or_else(|| Refusal::no_such("session"))
}

fn find(work: &Work<'_>, id: &str) -> Result<SessionRow, Refusal> {
    let query = format!("SELECT tokens.owner, {COLUMNS} {GOING_ON} AND sessions.id = ?");
    let row = work.sql.exec(&query, &[work.now.into(), work.now.into(), id.into()])?.pop();
    let mut row = row.ok_or_else(|| Refusal::no_such("session"))?;
    let owner = row.take()?;
    if !work.authority.may_act_on(owner) {
        return Err(Refusal::no_such("session"));
    }
    Ok(SessionRow::read(&mut row)?)
}
