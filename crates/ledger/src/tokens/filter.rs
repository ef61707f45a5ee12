//! Token filters as SQL conditions, and the indices that yield the tokens that may match.

use counterfoil_protocol::{
    command::{State, TokenFilter},
    command_error::CommandError,
};

use super::{
    read::visible_to,
    search_index,
    source::{Part, Source},
};
use crate::{
    check,
    sql::{MAX_INTEGER, SqlError, Value},
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
    /// How many conditions there are.
    number: usize,
    /// Sets of tokens that contain all matches.
    sources: Vec<Source>,
}

impl Conditions {
    /// The tokens that match the filter, among those that the actor may act on.
    ///
    /// # Errors
    /// `INVALID_VALUE` for an empty or too long search text.
    pub(super) fn of(tx: &Transaction<'_>, filter: &TokenFilter) -> Result<Self, CommandError> {
        let mut all = Self { sql: "WHERE 1".to_owned(), values: Vec::new(), number: 0, sources: Vec::new() };
        let mut owners = Vec::new();
        owners.extend(visible_to(tx));
        if filter.mine {
            owners.push(tx.authority.member().map_or(NOBODY, |member| member.number));
        }
        for owner in owners {
            all.and("tokens.owner = ?", [owner.into()]);
            all.within(Part::of("tokens WHERE tokens.owner = ?", "tokens.number", [owner.into()]));
        }
        if let Some(owner) = &filter.owner {
            all.and("members.id = ?", [owner.into()]);
            let of = "tokens WHERE tokens.owner = (SELECT number FROM members WHERE id = ?)";
            all.within(Part::of(of, "tokens.number", [owner.into()]));
        }
        if let Some(state) = filter.state {
            all.and(STATE, [tx.now.into(), tx.now.into(), state.into()]);
            all.sources.push(in_state(state, tx.now.into()));
        }
        if let Some(scope) = &filter.scope {
            let own = "EXISTS (SELECT 1 FROM json_each(tokens.scopes) AS own WHERE own.value = ?)";
            all.and(own, [scope.as_str().into()]);
            all.sources.push(search_index::with_scope(scope.as_str()));
        }
        if let Some(client) = &filter.client_id {
            all.and("tokens.client_id = ?", [client.into()]);
            all.within(Part::of("tokens WHERE tokens.client_id = ?", "tokens.number", [client.into()]));
        }
        if let Some(digest) = filter.digest {
            // A token is also found by a replaced value, so that the owner of a leaked old value can be found.
            let text = "(tokens.digest = ? OR tokens.number = (SELECT token FROM replaced_texts WHERE digest = ?))";
            all.and(text, [digest.into(), digest.into()]);
            all.sources.push(Source::unordered(vec![
                Part::of("tokens WHERE tokens.digest = ?", "tokens.number", [digest.into()]),
                Part::of("replaced_texts WHERE replaced_texts.digest = ?", "replaced_texts.token", [digest.into()]),
            ]));
        }
        if let Some(id) = &filter.id {
            all.and("tokens.id = ?", [id.into()]);
            all.within(Part::of("tokens WHERE tokens.id = ?", "tokens.number", [id.into()]));
        }
        if let Some(number) = filter.number {
            // A number above [`MAX_INTEGER`] belongs to no token.
            let number = Value::from(number.min(MAX_INTEGER));
            all.and("tokens.number = ?", [number.clone()]);
            all.within(Part::of("tokens WHERE tokens.number = ?", "tokens.number", [number]));
        }
        if filter.live {
            all.and(LIVE, [tx.now.into()]);
            all.sources.push(Source::unordered(not_ended(tx.now.into())).exact());
        }
        if let Some(text) = &filter.text {
            check::length("/q", text, 1..=200)?;
            all.sources.extend(search_index::with_text(text));
            let text = Value::Text(text.to_ascii_lowercase());
            all.and(TEXT, [text.clone(), text.clone(), text.clone(), text]);
        }
        Ok(all)
    }

    /// Adds a condition.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.number += 1;
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Adds the condition that the token is not revoked.
    pub(super) fn and_not_revoked(&mut self) {
        self.and("tokens.revoked_at IS NULL AND tokens.issued >= members.revoked_before", []);
        let part = Part::of("tokens WHERE tokens.revoked_at IS NULL", "tokens.number", []);
        self.sources.push(Source::unordered(vec![part]));
    }

    /// Adds the exact source of a condition.
    fn within(&mut self, part: Part) {
        self.sources.push(Source::ordered(vec![part]).exact());
    }

    /// The smallest set of tokens that contains all matches.
    pub(super) fn source(&mut self, tx: &Transaction<'_>) -> Result<Source, SqlError> {
        let mut smallest = Source::all(tx.sql.scalar("SELECT last_number FROM workspace", &[])?);
        for source in self.sources.drain(..) {
            let source = source.measured(tx.sql)?;
            if (source.size, !source.is_ordered) < (smallest.size, !smallest.is_ordered) {
                smallest = source;
            }
        }
        Ok(smallest)
    }

    /// Whether all tokens match.
    pub(super) fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// Whether it is one condition.
    pub(super) fn is_single(&self) -> bool {
        self.number == 1
    }

    /// The condition and its values.
    pub(super) fn clauses(&self) -> (&str, &[Value]) {
        (&self.sql, &self.values)
    }
}

/// The tokens in a state. A token that is revoked with all tokens of its owner has a revocation time too.
fn in_state(state: State, now: Value) -> Source {
    let revoked = "tokens WHERE tokens.revoked_at IS NOT NULL";
    let disabled = "tokens WHERE tokens.enabled = 0 AND tokens.revoked_at IS NULL";
    let expired = "tokens WHERE tokens.revoked_at IS NULL AND tokens.expires_at <= ?";
    let pending = "tokens WHERE tokens.not_before IS NOT NULL AND tokens.not_before > ?";
    match state {
        State::Revoked => Source::ordered(vec![Part::of(revoked, "tokens.number", [])]).exact(),
        State::Disabled => Source::ordered(vec![Part::of(disabled, "tokens.number", [])]).exact(),
        State::Expired => Source::unordered(vec![Part::of(expired, "tokens.number", [now])]),
        State::Pending => Source::unordered(vec![Part::of(pending, "tokens.number", [now])]),
        State::Active => Source::unordered(not_ended(now)),
    }
}

/// The tokens that are neither revoked nor expired.
fn not_ended(now: Value) -> Vec<Part> {
    let endless = "tokens WHERE tokens.revoked_at IS NULL AND tokens.expires_at IS NULL";
    let unexpired = "tokens WHERE tokens.revoked_at IS NULL AND tokens.expires_at > ?";
    vec![Part::of(endless, "tokens.number", []), Part::of(unexpired, "tokens.number", [now])]
}
