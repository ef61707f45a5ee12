//! Listing tokens: filtered, sorted, paginated.

use counterfoil_protocol::{
    BuiltIn,
    command::{ListTokens, Listing, TokenColumn, TokenSort, TokenView},
    command_error::CommandError,
};
use serde::{Deserialize, Serialize};

use super::{filter::Conditions, usage};
use crate::{
    cursor::{List, Position, Window},
    rows::{OwnedToken, TokenRow},
    sql::{MAX_INTEGER, Value},
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
    let (clauses, values) = conditions.clauses();
    let total = OwnedToken::count(tx.sql, clauses, values)?;
    if let Some(place) = &window.after {
        let (beyond, values) = after(ask.sort, place);
        conditions.and(&beyond, values);
    }
    let (clauses, values) = conditions.ordered(&order(ask.sort), window.rows());
    let items = OwnedToken::select(tx.sql, &clauses, &values)?
        .into_iter()
        .map(|held| Ok((place(ask.sort, &held.token), held.view(tx.now)?)));
    let mut page = window.page(items.collect::<Result<_, CommandError>>()?, total);
    if let Some(days) = ask.usage {
        usage::add_to(tx, &mut page.items, days)?;
    }
    Ok(page)
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

/// The condition for all tokens after this position, in this order.
fn after(sort: TokenSort, place: &Place) -> (String, Vec<Value>) {
    let (column, beyond) = (column(sort), if sort.descending { "<" } else { ">" });
    let number: Value = place.number.into();
    let key: Value = match &place.by {
        _ if sort.by == TokenColumn::Number => return (format!("{column} {beyond} ?"), vec![number]),
        None => return (format!("({column} IS NULL AND tokens.number {beyond} ?)"), vec![number]),
        Some(Key::Integer(integer)) => (*integer).into(),
        Some(Key::Text(text)) => text.into(),
    };
    let equal = format!("{column} = ? AND tokens.number {beyond} ?");
    (format!("({column} {beyond} ? OR {equal} OR {column} IS NULL)"), vec![key.clone(), key, number])
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
