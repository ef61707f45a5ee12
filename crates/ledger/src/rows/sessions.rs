//! Sessions, by the digests of their session values.

use counterfoil_protocol::command::IdentityProvider;
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use super::steps::STEP;
use crate::{
    columns::{Columns as _, columns, insert},
    sql::{FromRow, Row, Sql, SqlError, Value},
};

/// The maximum number of sessions of a member. Opening another one ends one.
const MAX_OF_MEMBER: u64 = 50;

/// A session's row.
#[derive(Clone)]
pub(crate) struct SessionRow {
    /// 0 until the row is inserted.
    pub(crate) number: u64,
    pub(crate) id: String,
    /// The number of the session's member.
    pub(crate) member: u64,
    pub(crate) opened: Opened,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

columns!(SessionRow: "sessions" { number, id, member, created_at, expires_at } { opened });

/// The credential that a session was opened with, and depends on.
#[derive(Clone)]
pub(crate) enum Opened {
    /// A token value, by its digest.
    WithToken(Digest),
    /// An identity provider's ID token.
    ByProvider {
        /// The provider's issuer.
        issuer: String,
        /// The audience of the provider's ID tokens.
        audience: String,
    },
}

/// [`Opened`] as columns.
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
            _ => Err(SqlError::new("a session has no credential, or two")),
        }
    }
}

/// Selects active sessions: not expired, and, if opened with a token value, that value can still be or become valid.
/// Has two parameters, both the current time.
const ACTIVE: &str = "FROM sessions LEFT JOIN tokens ON tokens.number = sessions.token
    WHERE sessions.expires_at > ? AND (sessions.token IS NULL OR tokens.revoked_at IS NULL AND (
        tokens.digest = sessions.opened_with
        OR EXISTS (SELECT 1 FROM replaced_texts WHERE digest = sessions.opened_with AND valid_until > ?)))";

impl SessionRow {
    /// The session with this digest, unless it has expired.
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest, now: Timestamp) -> Result<Option<Self>, SqlError> {
        let clauses = "FROM sessions WHERE digest = ? AND expires_at > ?";
        Ok(Self::select(sql, clauses, &[digest.into(), now.into()])?.pop())
    }

    /// The session with this id, if it is active.
    pub(crate) fn by_id(sql: &dyn Sql, id: &str, now: Timestamp) -> Result<Option<Self>, SqlError> {
        let clauses = format!("{ACTIVE} AND sessions.id = ?");
        Ok(Self::select(sql, &clauses, &[now.into(), now.into(), id.into()])?.pop())
    }

    /// Active sessions with a lower number, of one member or of all; the newest first.
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

    /// The number of active sessions, of one member or of all, among the `most` newest; and whether there are no others.
    pub(crate) fn count(
        sql: &dyn Sql,
        member: Option<u64>,
        now: Timestamp,
        most: u64,
    ) -> Result<(u64, bool), SqlError> {
        let (clauses, mut values) = of_member(member, now);
        if member.is_some() {
            return Ok((sql.scalar(&format!("SELECT count(*) {clauses}"), &values)?, true));
        }
        let newest =
            "sessions.number > coalesce((SELECT number FROM sessions ORDER BY number DESC LIMIT 1 OFFSET ?), 0)";
        values.push(most.into());
        let active = sql.scalar(&format!("SELECT count(*) {clauses} AND {newest}"), &values)?;
        let is_more = sql.any("SELECT 1 FROM sessions ORDER BY number DESC LIMIT 1 OFFSET ?", &[most.into()])?;
        Ok((active, !is_more))
    }

    fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.all(&format!("SELECT {}, {} {clauses}", Self::COLUMNS, OpenedColumns::COLUMNS), values)
    }

    /// Inserts the session with the digest of its value and the number of the token that opened it, and sets its own
    /// number.
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

/// Clauses, with their values, that select active sessions of one member or of all.
fn of_member(member: Option<u64>, now: Timestamp) -> (String, Vec<Value>) {
    let (mut clauses, mut values) = (ACTIVE.to_owned(), vec![now.into(), now.into()]);
    if let Some(member) = member {
        clauses.push_str(" AND sessions.member = ?");
        values.push(member.into());
    }
    (clauses, values)
}

/// Ends sessions of a member so that it can open another one, and returns how many. The oldest session of the
/// credential with the most sessions ends first (identity providers count as one credential), so a client that floods a
/// member with sessions ends only its own.
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

/// Removes some expired sessions and returns when the next one expires.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM sessions WHERE number IN (
        SELECT number FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";
    sql.exec(over, &[now.into(), STEP.into()])?;
    sql.scalar("SELECT min(expires_at) FROM sessions", &[])
}

/// Removes the sessions of the member with this number.
pub(crate) fn delete_of_member(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    sql.exec("DELETE FROM sessions WHERE member = ?", &[number.into()])?;
    Ok(())
}

/// Ends the sessions that an identity provider opened for the member with this number.
pub(crate) fn end_provider_sessions_of(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    sql.exec("DELETE FROM sessions WHERE member = ? AND issuer IS NOT NULL", &[number.into()])?;
    Ok(())
}

/// Ends all sessions opened through identity providers whose configuration changed: issuer, audience, keys, or how a
/// member is found. Whether the provider is offered for sign-in does not matter.
pub(crate) fn end_of_changed_providers(
    sql: &dyn Sql,
    before: &[IdentityProvider],
    after: &[IdentityProvider],
) -> Result<(), SqlError> {
    let is_same = |one: &&IdentityProvider| {
        let offered = |sign_in| IdentityProvider { sign_in, ..(*one).clone() };
        before.contains(&offered(true)) || before.contains(&offered(false))
    };
    let pair = |provider: &IdentityProvider| [Value::from(provider.issuer.as_str()), Value::from(&provider.audience)];
    let kept: Vec<_> = after.iter().filter(is_same).map(pair).collect();
    // Each session was opened through one of these.
    for ended in before.iter().map(pair).filter(|pair| !kept.contains(pair)) {
        sql.exec("DELETE FROM sessions WHERE issuer = ? AND audience = ?", &ended)?;
    }
    Ok(())
}
