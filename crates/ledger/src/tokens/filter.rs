//! Token filters as SQL conditions.

use counterfoil_protocol::{command::TokenFilter, command_error::CommandError};

use super::read::visible_to;
use crate::{
    check,
    sql::{MAX_INTEGER, Value},
    transaction::Transaction,
};

/// The state of a token, as [`OwnedToken::state`](crate::rows::OwnedToken) computes it. Has two parameters, both the
/// current time.
const STATE: &str = "CASE
    WHEN tokens.revoked_at IS NOT NULL OR tokens.issued < members.revoked_before THEN 'revoked'
    WHEN tokens.enabled = 0 THEN 'disabled'
    WHEN tokens.expires_at <= ? THEN 'expired'
    WHEN tokens.not_before > ? THEN 'pending'
    ELSE 'active' END = ?";

/// Neither revoked nor expired. Its parameter is the current time.
const LIVE: &str = "tokens.revoked_at IS NULL AND tokens.issued >= members.revoked_before
    AND (tokens.expires_at IS NULL OR tokens.expires_at > ?)";

/// Matches no member: numbers start at 1.
const NOBODY: u64 = 0;

/// Search without `LIKE`: no character has a special meaning, and the search text may exceed the 50 bytes that a
/// Durable Object allows for a pattern. `lower` only converts ASCII.
const TEXT: &str = "(instr(lower(tokens.name), ?) OR instr(lower(coalesce(tokens.note, '')), ?)
    OR instr(lower(tokens.hint), ?) OR instr(lower(tokens.id), ?))";

/// Conditions that are combined with AND, with their values. The SQL is constant text of the program, never of a
/// request.
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// The tokens that match the filter, among those that the actor may act on.
    ///
    /// # Errors
    /// `INVALID_VALUE` for an empty or too long search text.
    pub(super) fn of(tx: &Transaction<'_>, filter: &TokenFilter) -> Result<Self, CommandError> {
        let mut all = Self { sql: "WHERE 1".to_owned(), values: Vec::new() };
        if let Some(own) = visible_to(tx) {
            all.and("tokens.owner = ?", [own.into()]);
        }
        if let Some(owner) = &filter.owner {
            all.and("members.id = ?", [owner.into()]);
        }
        if let Some(state) = filter.state {
            all.and(STATE, [tx.now.into(), tx.now.into(), state.into()]);
        }
        if let Some(scope) = &filter.scope {
            let own = "EXISTS (SELECT 1 FROM json_each(tokens.scopes) AS own WHERE own.value = ?)";
            all.and(own, [scope.as_str().into()]);
        }
        if let Some(client) = &filter.client_id {
            all.and("tokens.client_id = ?", [client.into()]);
        }
        if let Some(digest) = filter.digest {
            // A token is also found by a replaced value, so that the owner of a leaked old value can be found.
            let text = "(tokens.digest = ? OR tokens.number = (SELECT token FROM replaced_texts WHERE digest = ?))";
            all.and(text, [digest.into(), digest.into()]);
        }
        if let Some(id) = &filter.id {
            all.and("tokens.id = ?", [id.into()]);
        }
        if let Some(number) = filter.number {
            // A number above [`MAX_INTEGER`] belongs to no token.
            all.and("tokens.number = ?", [number.min(MAX_INTEGER).into()]);
        }
        if filter.mine {
            let own = tx.authority.member().map_or(NOBODY, |member| member.number);
            all.and("tokens.owner = ?", [own.into()]);
        }
        if filter.live {
            all.and(LIVE, [tx.now.into()]);
        }
        if let Some(text) = &filter.text {
            check::length("/q", text, 1..=200)?;
            let text = Value::Text(text.to_ascii_lowercase());
            all.and(TEXT, [text.clone(), text.clone(), text.clone(), text]);
        }
        Ok(all)
    }

    /// Adds a condition.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// The clauses that select the matching tokens in this order.
    pub(super) fn ordered(mut self, order: &str, limit: u64) -> (String, Vec<Value>) {
        self.values.push(limit.into());
        (format!("{} ORDER BY {order} LIMIT ?", self.sql), self.values)
    }

    /// The clauses that select all matching tokens.
    pub(super) fn clauses(&self) -> (&str, &[Value]) {
        (&self.sql, &self.values)
    }
}
