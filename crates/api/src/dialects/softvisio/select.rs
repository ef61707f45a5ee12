//! The options of `read`: which of the caller's tokens it returns, and in which order.

use std::cmp::Ordering;

use serde_json::Value;

use super::tokens::Row;
use crate::{
    dialects::fields::{Fields, wrong},
    http::Problem,
};

/// The largest `limit`.
const MAX_LIMIT: u64 = 100;

/// The most conditions, and the most fields to sort by.
const MAX_TERMS: usize = 10;

/// The longest pattern of `like`, in characters: as long as a name.
const MAX_PATTERN: usize = 200;

/// The options of `read`. Default: all tokens, the newest first.
pub(super) struct Options {
    conditions: Vec<Condition>,
    order: Vec<(Field, Ordering)>,
    offset: usize,
    limit: usize,
}

#[derive(Clone, Copy)]
enum Field {
    Id,
    UserId,
    Name,
    Enabled,
    Created,
    LastActivity,
}

struct Condition {
    field: Field,
    test: Test,
}

enum Test {
    Is(Value),
    IsNot(Value),
    IsOneOf(Vec<Value>),
    IsLike(String),
}

/// The value of a field. Strings sort first, missing values last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Cell<'a> {
    Text(&'a str),
    Flag(bool),
    Nothing,
}

impl Options {
    pub(super) fn read(mut options: Fields) -> Result<Self, Problem> {
        let mut conditions = options.take("where").map_or(Ok(Vec::new()), read_conditions)?;
        if let Some(id) = options.take("id") {
            conditions.push(Condition { field: Field::Id, test: Test::Is(id) });
        }
        let order = options.take("order_by").map_or(Ok(Vec::new()), read_order)?;
        let offset = options.number("offset")?.unwrap_or(0);
        let limit = options.number("limit")?;
        if limit.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
            return Err(wrong("limit", format!("limit must be between 1 and {MAX_LIMIT}.")));
        }
        if let Some(unknown) = options.any_left() {
            return Err(wrong("options", format!("Unknown option {unknown:?}.")));
        }
        let rows = |number| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self { conditions, order, offset: rows(offset), limit: limit.map_or(usize::MAX, rows) })
    }

    /// The rows of the requested page, and how many match on all pages.
    pub(super) fn select(&self, mut rows: Vec<Row>) -> (Vec<Row>, usize) {
        rows.retain(|row| self.conditions.iter().all(|Condition { field, test }| test.passes(&field.of(row))));
        rows.sort_by(|one, other| self.compare(one, other));
        let total = rows.len();
        (rows.into_iter().skip(self.offset).take(self.limit).collect(), total)
    }

    fn compare(&self, one: &Row, other: &Row) -> Ordering {
        for (field, direction) in &self.order {
            let order = field.of(one).cmp(&field.of(other));
            if order.is_ne() {
                return if direction.is_gt() { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    }
}

/// Conditions, all of which must hold: `[[field, operator, value], …]`, or `{field: value, field: [operator, value], …}`.
fn read_conditions(conditions: Value) -> Result<Vec<Condition>, Problem> {
    let terms: Vec<(String, String, Value)> = match conditions {
        Value::Array(terms) => terms.into_iter().map(triple).collect::<Option<_>>(),
        Value::Object(terms) => terms.into_iter().map(|(field, term)| pair(field, term)).collect(),
        _ => None,
    }
    .ok_or_else(|| wrong("where", "where must be a list of [field, operator, value]."))?;
    if terms.len() > MAX_TERMS {
        return Err(wrong("where", format!("where can have at most {MAX_TERMS} conditions.")));
    }
    terms.into_iter().map(|(field, operator, value)| Condition::new(&field, &operator, value)).collect()
}

fn triple(term: Value) -> Option<(String, String, Value)> {
    let Value::Array(term) = term else { return None };
    let [Value::String(field), Value::String(operator), value] = <[Value; 3]>::try_from(term).ok()? else {
        return None;
    };
    Some((field, operator, value))
}

fn pair(field: String, term: Value) -> Option<(String, String, Value)> {
    let Value::Array(term) = term else { return Some((field, "=".to_owned(), term)) };
    let [Value::String(operator), value] = <[Value; 2]>::try_from(term).ok()? else { return None };
    Some((field, operator, value))
}

impl Condition {
    fn new(field: &str, operator: &str, value: Value) -> Result<Self, Problem> {
        let test = match (operator, value) {
            ("=", value) => Test::Is(value),
            ("!=", value) => Test::IsNot(value),
            ("in", Value::Array(values)) => Test::IsOneOf(values),
            ("like", Value::String(pattern)) if pattern.chars().count() <= MAX_PATTERN => Test::IsLike(pattern),
            ("in" | "like", _) => {
                let detail =
                    format!("like requires a string of at most {MAX_PATTERN} characters, and in requires a list.");
                return Err(wrong("where", detail));
            }
            _ => return Err(wrong("where", "The operators are =, !=, like and in.")),
        };
        Ok(Self { field: Field::named("where", field)?, test })
    }
}

/// `"name"`, or a list of names and of `["name", "asc" | "desc"]`.
fn read_order(order: Value) -> Result<Vec<(Field, Ordering)>, Problem> {
    let terms = match order {
        Value::Array(terms) => terms,
        term => vec![term],
    };
    if terms.len() > MAX_TERMS {
        return Err(wrong("order_by", format!("order_by can have at most {MAX_TERMS} fields.")));
    }
    let read = |term: Value| match &term {
        Value::String(field) => Ok((Field::named("order_by", field)?, Ordering::Less)),
        Value::Array(term) => match term.as_slice() {
            [Value::String(field), Value::String(direction)] if direction == "asc" => {
                Ok((Field::named("order_by", field)?, Ordering::Less))
            }
            [Value::String(field), Value::String(direction)] if direction == "desc" => {
                Ok((Field::named("order_by", field)?, Ordering::Greater))
            }
            _ => Err(no_order()),
        },
        _ => Err(no_order()),
    };
    terms.into_iter().map(read).collect()
}

fn no_order() -> Problem {
    wrong("order_by", "order_by must be a list of [field, \"asc\" or \"desc\"].")
}

impl Field {
    fn named(option: &str, name: &str) -> Result<Self, Problem> {
        Ok(match name {
            "id" => Self::Id,
            "user_id" => Self::UserId,
            "name" => Self::Name,
            "enabled" => Self::Enabled,
            "created" => Self::Created,
            "last_activity" => Self::LastActivity,
            _ => return Err(wrong(option, format!("{option} has an unknown field {name:?}."))),
        })
    }

    fn of(self, row: &Row) -> Cell<'_> {
        match self {
            Self::Id => Cell::Text(&row.id),
            Self::UserId => Cell::Text(&row.user_id),
            Self::Name => Cell::Text(&row.name),
            Self::Enabled => Cell::Flag(row.enabled),
            Self::Created => Cell::Text(&row.created),
            Self::LastActivity => row.last_activity.as_deref().map_or(Cell::Nothing, Cell::Text),
        }
    }
}

impl Test {
    fn passes(&self, cell: &Cell<'_>) -> bool {
        match self {
            Self::Is(value) => cell.is(value),
            Self::IsNot(value) => !cell.is(value),
            Self::IsOneOf(values) => values.iter().any(|value| cell.is(value)),
            Self::IsLike(pattern) => matches!(cell, Cell::Text(text) if is_like(text, pattern)),
        }
    }
}

impl Cell<'_> {
    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Text(text) => value.as_str() == Some(text),
            Self::Flag(flag) => value.as_bool() == Some(*flag),
            Self::Nothing => value.is_null(),
        }
    }
}

/// SQL's `like`: `%` matches any string, `_` any character. Each piece between two `%` is matched at its first
/// occurrence, which leaves the most room for the later ones, so no backtracking is needed.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pieces: Vec<Vec<char>> = pattern.split('%').map(|piece| piece.chars().collect()).collect();
    let fits = |piece: &[char], text: &[char]| piece.iter().zip(text).all(|(want, have)| *want == '_' || want == have);
    let Some((first, rest)) = pieces.split_first() else { return false };
    let Some((last, between)) = rest.split_last() else {
        return first.len() == text.len() && fits(first, &text);
    };
    let Some((start, text)) = text.split_at_checked(first.len()) else { return false };
    let Some((mut text, end)) = text.len().checked_sub(last.len()).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    for piece in between.iter().filter(|piece| !piece.is_empty()) {
        let Some(at) = text.windows(piece.len()).position(|window| fits(piece, window)) else { return false };
        text = text.get(at + piece.len()..).unwrap_or_default();
    }
    fits(first, start) && fits(last, end)
}
