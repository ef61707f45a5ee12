//! Sessions: what a browser holds in place of a token.
//!
//! A session that a token opened stands for the very text that opened it. Nothing that ends or narrows that text need know
//! of sessions: each time a session acts, [`Authority`](crate::authority::Authority) judges the text anew. A session that
//! an identity provider vouched for stands for its member, and whatever ends it removes its row in the same transaction.
//!
//! What is kept is the digest of the session's own text, as of a token's, but in a table of its own: neither is ever found
//! in place of the other.

use counterfoil_protocol::{
    BuiltIn, SecretText,
    command::{EndSession, IdentityProvider, ListSessions, Listing, OpenedSession, Owner, Session},
    refusal::{ForbiddenCode, Refusal},
    rfc3339,
};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Demand, ScopeSet, Timestamp};
use serde_json::{Value as Json, json};

use crate::{
    audit::{self, Change},
    cursor::{List, Window},
    members::MemberRow,
    mint::Mint,
    sql::{MAX_INTEGER, Row, Sql, SqlError, Value},
    tokens::OwnedToken,
    upkeep::STEP,
    work::Work,
};

/// How many sessions a member has at most, whoever opened them: opening another ends one.
const MAX_OF_MEMBER: u64 = 50;

/// A session's row.
#[derive(Clone)]
pub(crate) struct SessionRow {
    number: u64,
    pub(crate) id: String,
    /// The number of the member as whom it acts.
    pub(crate) member: u64,
    pub(crate) opened: Opened,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// What a session was opened with, and stands for.
#[derive(Clone)]
pub(crate) enum Opened {
    /// A token's text, by its digest.
    WithToken(Digest),
    /// The word of a provider.
    ByProvider {
        /// The provider's issuer.
        issuer: String,
        /// Whom its tokens are meant for.
        audience: String,
    },
}

/// A session about to be written down.
struct Draft {
    member: Owner,
    opened: Opened,
    /// The number of the token that opens it.
    token: Option<u64>,
    /// When it ends at the latest, but for the workspace's session length.
    ends: Option<Timestamp>,
    /// What the audit says of how it was opened.
    told: Json,
}

/// The columns that [`SessionRow::read`] takes, in its order.
const COLUMNS: &str = "sessions.number, sessions.id, sessions.member, sessions.opened_with, sessions.issuer, \
    sessions.audience, sessions.created_at, sessions.expires_at";

/// Sessions that go on: their time is not over, and the text that opened them, where one did, may still pass, now or
/// again. Takes the time twice.
const GOING_ON: &str = "FROM sessions LEFT JOIN tokens ON tokens.number = sessions.token
    WHERE sessions.expires_at > ? AND (sessions.token IS NULL OR tokens.revoked_at IS NULL AND (
        tokens.digest = sessions.opened_with
        OR EXISTS (SELECT 1 FROM replaced_texts WHERE digest = sessions.opened_with AND valid_until > ?)))";

/// Opens a session of the token that acts.
pub(crate) fn open(work: &Work<'_>, mint: &mut Mint<'_>) -> Result<OpenedSession, Refusal> {
    let Some(held) = work.authority.token().filter(|_| work.authority.session().is_none()) else {
        let detail = "Only a member's token opens a session: neither another session nor the root token does.";
        return Err(Refusal::forbidden(ForbiddenCode::TokenOnly, detail));
    };
    work.authority.require(BuiltIn::SessionsCreate)?;
    let record = held.record(work.now);
    let draft = Draft {
        member: held.owner.as_owner(),
        opened: Opened::WithToken(held.presented()),
        token: Some(held.token.number),
        ends: record.expires_at.into_iter().chain(record.replaced_until).min(),
        told: json!({ "created_by": held.token.id }),
    };
    add(work, mint, draft)
}

/// Opens a session for a member that this provider vouches for.
pub(crate) fn open_for(
    work: &Work<'_>,
    mint: &mut Mint<'_>,
    member: &MemberRow,
    provider: &IdentityProvider,
) -> Result<OpenedSession, Refusal> {
    let (issuer, audience) = (provider.issuer.to_string(), provider.audience.clone());
    let draft = Draft {
        member: member.as_owner(),
        // Of who it is, the audit has the number alone: its rows are for ever.
        told: json!({ "issuer": issuer, "member": member.number }),
        opened: Opened::ByProvider { issuer, audience },
        token: None,
        ends: None,
    };
    add(work, mint, draft)
}

fn add(work: &Work<'_>, mint: &mut Mint<'_>, draft: Draft) -> Result<OpenedSession, Refusal> {
    let Draft { member, opened, token, ends, mut told } = draft;
    // Where nothing but this happens there is no upkeep, so it takes along what is over.
    sweep(work.sql, work.now)?;
    let ended = make_room(work.sql, member.number)?;
    work.next_generation()?;

    let text = mint.session(work.workspace.key)?;
    let length = work.workspace.settings.session_length.saturating_mul(1_000);
    let latest = work.now.plus(length);
    let expires_at = ends.map_or(latest, |end| end.min(latest));
    let id = mint.session_id(work.now);
    let (opened_with, issuer, audience) = match &opened {
        Opened::WithToken(digest) => (Some(*digest), None, None),
        Opened::ByProvider { issuer, audience } => (None, Some(issuer), Some(audience)),
    };
    let rows = work.sql.exec(
        "INSERT INTO sessions (id, digest, member, token, opened_with, issuer, audience, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
        &[
            (&id).into(),
            text.as_ref().digest().into(),
            member.number.into(),
            token.into(),
            opened_with.into(),
            issuer.into(),
            audience.into(),
            work.now.into(),
            expires_at.into(),
        ],
    )?;
    let mut row = rows.into_iter().next().ok_or_else(|| SqlError::new("a row was not added"))?;
    let session =
        SessionRow { number: row.take()?, id, member: member.number, opened, created_at: work.now, expires_at };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("expires_at".to_owned(), rfc3339::format(expires_at).into());
        if ended > 0 {
            fields.insert("ended".to_owned(), ended.into());
        }
    }
    let change = Change { action: "session.create", subject: &session.id, before: None, after: Some(told) };
    audit::append_about(work, change, Some(member.number))?;
    let seconds = expires_at.since(work.now) / 1_000;
    Ok(OpenedSession { text: SecretText::new(text.as_ref().expose()), seconds, session: session.view(work)? })
}

/// Ends sessions of a member, so that it may have another, and says how many: the oldest of those that were opened with the
/// text, or by the providers, that most were. Whoever floods a member with sessions, and may be able to do nothing else, ends
/// its own.
fn make_room(sql: &dyn Sql, member: u64) -> Result<u64, SqlError> {
    let ended = sql.exec(
        "DELETE FROM sessions WHERE number IN (
            SELECT number FROM sessions WHERE member = ? ORDER BY (
                SELECT count(*) FROM sessions AS newer WHERE newer.member = sessions.member
                    AND newer.opened_with IS sessions.opened_with AND newer.number > sessions.number),
            number DESC LIMIT -1 OFFSET ?) RETURNING 1",
        &[member.into(), (MAX_OF_MEMBER - 1).into()],
    )?;
    Ok(ended.len() as u64)
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
        clauses.push_str(" AND sessions.member = ?");
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
    sql.exec("DELETE FROM sessions WHERE member = ?", &[number.into()])?;
    Ok(())
}

/// Ends the sessions of the member with this number that a provider vouched for.
pub(crate) fn end_vouched_of(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    sql.exec("DELETE FROM sessions WHERE member = ? AND issuer IS NOT NULL", &[number.into()])?;
    Ok(())
}

/// Ends the sessions that providers vouched for which are no longer as they were: another issuer or audience, other keys,
/// another way to find a member. Whether it is offered is nothing to them.
pub(crate) fn end_all_but_of(
    sql: &dyn Sql,
    before: &[IdentityProvider],
    after: &[IdentityProvider],
) -> Result<(), SqlError> {
    let is_same = |one: &&IdentityProvider| {
        let offered = |sign_in| IdentityProvider { sign_in, ..(*one).clone() };
        before.contains(&offered(true)) || before.contains(&offered(false))
    };
    let kept: Vec<_> = after.iter().filter(is_same).collect();
    let others = " AND NOT (issuer = ? AND audience = ?)".repeat(kept.len());
    let named = kept.iter().flat_map(|provider| [provider.issuer.as_str(), &provider.audience]);
    let named: Vec<Value> = named.map(Value::from).collect();
    sql.exec(&format!("DELETE FROM sessions WHERE issuer IS NOT NULL{others}"), &named)?;
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
            member: row.take()?,
            opened: match (row.take()?, row.take()?, row.take()?) {
                (Some(digest), None, None) => Opened::WithToken(digest),
                (None, Some(issuer), Some(audience)) => Opened::ByProvider { issuer, audience },
                _ => return Err(SqlError::new("a session was opened by nothing, or twice")),
            },
            created_at: row.take()?,
            expires_at: row.take()?,
        })
    }

    fn view(&self, work: &Work<'_>) -> Result<Session, Refusal> {
        let gone = |what: &str| Refusal::internal(format!("the {what} of {} is gone", self.id));
        let (member, scopes, created_by, issuer) = match &self.opened {
            Opened::WithToken(digest) => {
                let held = OwnedToken::by_digest(work.sql, *digest)?.ok_or_else(|| gone("token"))?;
                // From which addresses it may be used is not what is asked here.
                let demand = Demand::of(work.workspace.key);
                let scopes = match held.judge(&work.workspace.record(Vec::new()), &demand, work.now) {
                    Code::Valid | Code::AddressNotAllowed => held.effective_scopes(),
                    _ => ScopeSet::default(),
                };
                (held.owner, scopes, Some(held.token.id), None)
            }
            Opened::ByProvider { issuer, .. } => {
                let member = MemberRow::by_number(work.sql, self.member)?.ok_or_else(|| gone("member"))?;
                let scopes = if work.workspace.suspended { ScopeSet::default() } else { member.grants.clone() };
                (member, scopes, None, Some(issuer.clone()))
            }
        };
        Ok(Session {
            id: self.id.clone(),
            member: member.as_owner(),
            scopes,
            created_at: self.created_at,
            expires_at: self.expires_at,
            created_by,
            issuer,
        })
    }
}

fn acting<'a>(work: &'a Work<'_>) -> Result<&'a SessionRow, Refusal> {
    work.authority.session().ok_or_else(|| Refusal::no_such("session"))
}

fn find(work: &Work<'_>, id: &str) -> Result<SessionRow, Refusal> {
    let query = format!("SELECT {COLUMNS} {GOING_ON} AND sessions.id = ?");
    let row = work.sql.exec(&query, &[work.now.into(), work.now.into(), id.into()])?.pop();
    let found = row.map(|mut row| SessionRow::read(&mut row)).transpose()?;
    found.filter(|session| work.authority.may_act_on(session.member)).ok_or_else(|| Refusal::no_such("session"))
}
