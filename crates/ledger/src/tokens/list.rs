//! Listing tokens: filtered, sorted, paginated.
//!
//! A page takes limited time, however large the workspace is. It is read from the smallest [`Source`] of the filter if
//! that yields the tokens in the requested order, or if it has few enough tokens to sort. Otherwise it is read from the
//! index of the order, and the tokens that do not match are skipped. At most [`MOST`] tokens are examined: if they do
//! not fill the page, it ends early, and its cursor continues after the last examined token.

use counterfoil_protocol::{
    BuiltIn,
    command::{ListTokens, Listing, TokenColumn, TokenSort, TokenView},
    command_error::CommandError,
};
use serde::{Deserialize, Serialize};

use super::{
    filter::Conditions,
    source::{MOST, Source},
    usage,
};
use crate::{
    cursor::{Count, List, Position, Window},
    rows::{OwnedToken, TokenRow},
    sql::{MAX_INTEGER, SqlError, Value},
    transaction::Transaction,
};

/// The position of a token: its sort key, and its number to order equal keys.
#[derive(Serialize, Deserialize)]
struct Place {
    by: Option<Key>,
    number: u64,
}

/// The sort key.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Integer(u64),
    Text(String),
}

impl Position for Place {
    fn is_possible(&self) -> bool {
        let key = !matches!(self.by, Some(Key::Integer(integer)) if integer > MAX_INTEGER);
        key && self.number <= MAX_INTEGER
    }
}

pub(crate) fn list(tx: &Transaction<'_>, ask: &ListTokens) -> Result<Listing<TokenView>, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let window = Window::in_answer_to(&(&ask.filter, ask.sort), &ask.page, List::Tokens)?;
    let mut conditions = Conditions::of(tx, &ask.filter)?;
    let source = conditions.source(tx)?;
    let total = count(tx, &conditions, &source)?;
    let query = Query { tx, conditions: &conditions, sort: ask.sort, rows: window.rows() };
    let found = query.page(&source, window.after.as_ref())?;
    let items = found.items.into_iter().map(|held| Ok((place(ask.sort, &held.token), held.view(tx.now)?)));
    let mut page = window.page_until(items.collect::<Result<_, CommandError>>()?, total, found.stopped);
    if let Some(days) = ask.usage {
        usage::add_to(tx, &mut page.items, days)?;
    }
    Ok(page)
}

/// How many tokens are compared with the filter to count the matches, if there are too many to compare them all.
const SAMPLE: u64 = 1_000;

/// Counts the matching tokens of the source, or, if it is too large, of its first part.
fn count(tx: &Transaction<'_>, conditions: &Conditions, source: &Source) -> Result<Count, SqlError> {
    if conditions.is_empty() {
        return Ok(Count::exact(source.size));
    }
    let is_exact = source.size <= MOST;
    if source.is_exact && conditions.is_single() {
        return Ok(Count { number: source.size.min(MOST), is_exact });
    }
    let (clauses, values) = conditions.clauses();
    let (numbers, mut all) = source.numbers(None, None, Some(if is_exact { MOST } else { SAMPLE }));
    all.extend_from_slice(values);
    Ok(Count { number: OwnedToken::count_among(tx.sql, &numbers, clauses, &all)?, is_exact })
}

/// A page as far as it was found.
struct Found {
    items: Vec<OwnedToken>,
    /// The last examined token, if further ones were not examined.
    stopped: Option<Place>,
}

/// What is looked for.
struct Query<'a> {
    tx: &'a Transaction<'a>,
    conditions: &'a Conditions,
    sort: TokenSort,
    /// The number of tokens that are needed.
    rows: u64,
}

impl Query<'_> {
    fn page(&self, source: &Source, after: Option<&Place>) -> Result<Found, SqlError> {
        let is_by_number = self.sort.by == TokenColumn::Number;
        let (direction, beyond) = self.direction();
        if is_by_number && (source.is_ordered || source.size <= MOST) {
            let beyond = after.map(|place| (beyond, place.number));
            return self.walk(source.numbers(beyond, Some(direction), Some(MOST)), self.rows);
        }
        if source.size <= MOST {
            return self.sorted(source, after);
        }
        if is_by_number {
            let beyond = after.map(|place| (beyond, place.number));
            return self.walk(Source::all(source.size).numbers(beyond, Some(direction), Some(MOST)), self.rows);
        }
        let is_past_values = matches!(after, Some(Place { by: None, .. }));
        let mut found = match after.filter(|_| !is_past_values) {
            _ if is_past_values => Found { items: Vec::new(), stopped: None },
            place => self.walk(self.with_value(place), self.rows)?,
        };
        let missing = self.rows.saturating_sub(found.items.len() as u64);
        if missing > 0 && found.stopped.is_none() {
            let rest = self.walk(self.without_value(after.filter(|_| is_past_values)), missing)?;
            found.items.extend(rest.items);
            found.stopped = rest.stopped;
        }
        Ok(found)
    }

    /// The direction, and the comparison that is true beyond a place.
    fn direction(&self) -> (&'static str, &'static str) {
        if self.sort.descending { ("DESC", "<") } else { ("ASC", ">") }
    }

    /// Selects the first tokens that match, among those that the query yields, in its order.
    fn walk(&self, (numbers, values): (String, Vec<Value>), rows: u64) -> Result<Found, SqlError> {
        let (clauses, matching) = self.conditions.clauses();
        let all = [&values, matching, &[rows.into()]].concat();
        // The tokens are joined in the order in which the subquery yields them.
        let items = OwnedToken::select_among(self.tx.sql, &numbers, &format!("{clauses} LIMIT ?"), &all)?;
        if items.len() as u64 >= rows {
            return Ok(Found { items, stopped: None });
        }
        let last = [&values[..], &[(MOST - 1).into()]].concat();
        let last = OwnedToken::select_among(self.tx.sql, &numbers, "WHERE true LIMIT 1 OFFSET ?", &last)?;
        Ok(Found { items, stopped: last.first().map(|held| place(self.sort, &held.token)) })
    }

    /// Selects the first tokens that match, after sorting all tokens of a small source.
    fn sorted(&self, source: &Source, after: Option<&Place>) -> Result<Found, SqlError> {
        let (numbers, mut all) = source.numbers(None, None, Some(MOST));
        let (clauses, matching) = self.conditions.clauses();
        let (mut clauses, order) = (clauses.to_owned(), order(self.sort));
        all.extend_from_slice(matching);
        if let Some(place) = after {
            let (beyond, values) = self.after(place);
            clauses.push_str(&format!(" AND {beyond}"));
            all.extend(values);
        }
        all.push(self.rows.into());
        // Only numbers are sorted, not whole rows.
        let sorted = OwnedToken::numbers_among(&numbers, &format!("{clauses} ORDER BY {order} LIMIT ?"));
        Ok(Found { items: OwnedToken::select_among(self.tx.sql, &sorted, "", &all)?, stopped: None })
    }

    /// The numbers of all tokens that have a value in the column of the order.
    fn with_value(&self, after: Option<&Place>) -> (String, Vec<Value>) {
        let (column, (direction, than)) = (column(self.sort), self.direction());
        let (beyond, mut values) = match after.and_then(|place| Some((place.by.as_ref()?.value(), place.number))) {
            None => (String::new(), Vec::new()),
            Some((key, number)) => (format!(" AND ({column}, number) {than} (?, ?)"), vec![key, number.into()]),
        };
        values.push(MOST.into());
        let select = format!("SELECT number FROM tokens WHERE {column} IS NOT NULL{beyond}");
        (format!("{select} ORDER BY {column} {direction}, number {direction} LIMIT ?"), values)
    }

    /// The numbers of all tokens that have none.
    fn without_value(&self, after: Option<&Place>) -> (String, Vec<Value>) {
        let (column, (direction, than)) = (column(self.sort), self.direction());
        let (beyond, mut values) = match after {
            None => (String::new(), Vec::new()),
            Some(place) => (format!(" AND number {than} ?"), vec![place.number.into()]),
        };
        values.push(MOST.into());
        let select = format!("SELECT number FROM tokens WHERE {column} IS NULL{beyond}");
        (format!("{select} ORDER BY number {direction} LIMIT ?"), values)
    }

    /// The condition for all tokens after this position, in this order.
    fn after(&self, place: &Place) -> (String, Vec<Value>) {
        let (column, (_, beyond)) = (column(self.sort), self.direction());
        let number: Value = place.number.into();
        let key = match &place.by {
            _ if self.sort.by == TokenColumn::Number => return (format!("{column} {beyond} ?"), vec![number]),
            None => return (format!("({column} IS NULL AND tokens.number {beyond} ?)"), vec![number]),
            Some(key) => key.value(),
        };
        let equal = format!("{column} = ? AND tokens.number {beyond} ?");
        (format!("({column} {beyond} ? OR {equal} OR {column} IS NULL)"), vec![key.clone(), key, number])
    }
}

impl Key {
    fn value(&self) -> Value {
        match self {
            Self::Integer(integer) => (*integer).into(),
            Self::Text(text) => text.into(),
        }
    }
}

fn column(sort: TokenSort) -> &'static str {
    match sort.by {
        TokenColumn::Number => "tokens.number",
        TokenColumn::Name => "tokens.name",
        TokenColumn::CreatedAt => "tokens.created_at",
        TokenColumn::ExpiresAt => "tokens.expires_at",
        TokenColumn::LastUsedAt => "tokens.last_used_at",
    }
}

/// Tokens without a value come last in either direction.
fn order(sort: TokenSort) -> String {
    let (column, way) = (column(sort), if sort.descending { "DESC" } else { "ASC" });
    match sort.by {
        TokenColumn::Number => format!("{column} {way}"),
        _ => format!("{column} IS NULL, {column} {way}, tokens.number {way}"),
    }
}

fn place(sort: TokenSort, token: &TokenRow) -> Place {
    let time = match sort.by {
        TokenColumn::Number => None,
        TokenColumn::Name => return Place { by: Some(Key::Text(token.name.clone())), number: token.number },
        TokenColumn::CreatedAt => Some(token.created_at),
        TokenColumn::ExpiresAt => token.expires_at,
        TokenColumn::LastUsedAt => token.last_used_at,
    };
    Place { by: time.map(|time| Key::Integer(time.0)), number: token.number }
}
