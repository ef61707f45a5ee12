//! Sessions, by the digests of their texts.

use counterfoil_protocol::command::IdentityProvider;
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use super::steps::STEP;
use crate::{
    columns::{Columns as _, columns, insert},
    sql::{FromRow, Row, Sql, SqlError, Value},
};

/// How many sessions a member has at most, whoever opened them: opening another ends one.
const MAX_OF_MEMBER: u64 = 50;

/// A session's row.
#[derive(Clone)]
pub(crate) struct SessionRow {
    /// 0 before it is added.
    pub(crate) number: u64,
    pub(crate) id: String,
    /// The number of the member as whom it acts.
    pub(crate) member: u64,
    pub(crate) opened: Opened,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

columns!(SessionRow: "sessions" { number, id, member, created_at, expires_at } { opened });

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

/// How [`Opened`] lies in columns.
struct OpenedColumns {
    opened_with: Option<Digest>,
    issuer: Option<String>,
    audience: Option<String>,
}

columns!(OpenedColumns: "sessions" { opened_with, issuer, audience });

impl FromRow for Opened {
    fn from_row(row: &mut Row) -> Result<Self, SqlError> {
        match row.take()? {
            OpenedColumns { opened_with: Some(digest), issuer: None, audience: None } => Ok(Self::WithToken(digest)),
            OpenedColumns { opened_with: None, issuer: Some(issuer), audience: Some(audience) } => {
                Ok(Self::ByProvider { issuer, audience })
            }
            _ => Err(SqlError::new("a session was opened by nothing, or twice")),
        }
    }
}

/// Sessions that go on: their time is not over, and the text that opened them, where one did, may still pass, now or
/// again. Takes the time twice.
const GOING_ON: &str = "FROM sessions LEFT JOIN tokens ON tokens.number = sessions.token
    WHERE sessions.expires_at > ? AND (sessions.token IS NULL OR tokens.revoked_at IS NULL AND (
        tokens.digest = sessions.opened_with
        OR EXISTS (SELECT 1 FROM replaced_texts WHERE digest = sessions.opened_with AND valid_until > ?)))";

impl SessionRow {
    /// The session whose text has this digest, if its time is not over.
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest, now: Timestamp) -> Result<Option<Self>, SqlError> {
        let clauses = "FROM sessions WHERE digest = ? AND expires_at > ?";
        Ok(Self::select(sql, clauses, &[digest.into(), now.into()])?.pop())
    }

    /// The session by this id, if it goes on.
    pub(crate) fn by_id(sql: &dyn Sql, id: &str, now: Timestamp) -> Result<Option<Self>, SqlError> {
        let clauses = format!("{GOING_ON} AND sessions.id = ?");
        Ok(Self::select(sql, &clauses, &[now.into(), now.into(), id.into()])?.pop())
    }

    /// Sessions that go on, of one member or of all, that have a number below; the newest first.
    pub(crate) fn page(
        sql: &dyn Sql,
        member: Option<u64>,
        before: u64,
        rows: u64,
        now: Timestamp,
    ) -> Result<Vec<Self>, SqlError> {
        let (clauses, mut values) = of_member(member, now);
        values.extend([before.into(), rows.into()]);
        Self::select(sql, &format!("{clauses} AND sessions.number < ? ORDER BY sessions.number DESC LIMIT ?"), &values)
    }

    /// How many sessions go on, likewise.
    pub(crate) fn count(sql: &dyn Sql, member: Option<u64>, now: Timestamp) -> Result<u64, SqlError> {
        let (clauses, values) = of_member(member, now);
        sql.scalar(&format!("SELECT count(*) {clauses}"), &values)
    }

    fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.all(&format!("SELECT {}, {} {clauses}", Self::COLUMNS, OpenedColumns::COLUMNS), values)
    }

    /// Adds the session, under the digest of its text and the number of the token that opens it, and takes down its own.
    pub(crate) fn insert(&mut self, sql: &dyn Sql, digest: Digest, token: Option<u64>) -> Result<(), SqlError> {
        let (opened_with, issuer, audience) = match &self.opened {
            Opened::WithToken(digest) => (Some(digest), None, None),
            Opened::ByProvider { issuer, audience } => (None, Some(issuer), Some(audience)),
        };
        let added = insert!(sql, "sessions" {
            id: self.id, digest: digest, member: self.member, token: token, opened_with: opened_with, issuer: issuer,
            audience: audience, created_at: self.created_at, expires_at: self.expires_at,
        } "RETURNING number")?;
        self.number = added.into_iter().next().ok_or_else(|| SqlError::new("a row was not added"))?.take()?;
        Ok(())
    }

    pub(crate) fn remove(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        sql.exec("DELETE FROM sessions WHERE number = ?", &[self.number.into()])?;
        Ok(())
    }
}

/// What selects the sessions that go on, of one member or of all, with its values.
fn of_member(member: Option<u64>, now: Timestamp) -> (String, Vec<Value>) {
    let (mut clauses, mut values) = (GOING_ON.to_owned(), vec![now.into(), now.into()]);
    if let Some(member) = member {
        clauses.push_str(" AND sessions.member = ?");
        values.push(member.into());
    }
    (clauses, values)
}

/// Ends sessions of a member, so that it may have another, and says how many: the oldest of those that were opened with the
/// text, or by the providers, that most were. Whoever floods a member with sessions, and may be able to do nothing else, ends
/// its own.
pub(crate) fn make_room(sql: &dyn Sql, member: u64) -> Result<u64, SqlError> {
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

/// Removes some of the sessions whose time is over, and says when the next one's is.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM sessions WHERE number IN (
        SELECT number FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";
    sql.exec(over, &[now.into(), STEP.into()])?;
    sql.scalar("SELECT min(expires_at) FROM sessions", &[])
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
