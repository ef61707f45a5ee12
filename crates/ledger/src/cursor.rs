//! Pagination of lists.
//!
//! A cursor identifies the last item of a page by the list's sort key and by a number that never changes and is never
//! reused. The next page continues after that position, even if items were added or removed in between: no item is
//! shown twice, and no unchanged item is skipped.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_protocol::{
    command::{Listing, Page},
    command_error::{CommandError, InvalidCode},
    json,
};
use counterfoil_token::Digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::sql::{MAX_INTEGER, Sql, SqlError, Value};

/// The cursor's layout: `[VERSION, list, question, position]` as JSON in base64url.
const VERSION: u8 = 2;

/// The longest cursor that is accepted, in characters. The longest possible name fits.
const MAX_CURSOR: usize = 4 * 1024;

/// Page size: the default and the maximum.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// The highest number of items that is counted one by one.
pub(crate) const MOST_COUNTED: u64 = 10_000;

/// The list that a cursor belongs to. The letter is part of cursors that clients hold.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum List {
    #[serde(rename = "t")]
    Tokens,
    #[serde(rename = "m")]
    Members,
    #[serde(rename = "c")]
    Clients,
    #[serde(rename = "a")]
    Audit,
    #[serde(rename = "s")]
    Sessions,
}

/// The position of an item in its list.
pub(crate) trait Position: Serialize + DeserializeOwned {
    /// Whether the position is within range. Cursors come from clients and are not trusted.
    fn is_possible(&self) -> bool;
}

impl Position for u64 {
    fn is_possible(&self) -> bool {
        *self <= MAX_INTEGER
    }
}

/// The number of items of a list.
pub(crate) struct Count {
    pub(crate) number: u64,
    /// Whether there are no more.
    pub(crate) is_exact: bool,
}

impl Count {
    pub(crate) fn exact(number: u64) -> Self {
        Self { number, is_exact: true }
    }

    /// Counts the rows that a query yields, which ends with a limit of one more than [`MOST_COUNTED`].
    pub(crate) fn of(sql: &dyn Sql, rows: &str, values: &[Value]) -> Result<Self, SqlError> {
        let all = [values, &[(MOST_COUNTED + 1).into()]].concat();
        let found: u64 = sql.scalar(&format!("SELECT count(*) FROM ({rows} LIMIT ?)"), &all)?;
        Ok(Self { number: found.min(MOST_COUNTED), is_exact: found <= MOST_COUNTED })
    }
}

/// The part of a list that was requested.
pub(crate) struct Window<P = u64> {
    list: List,
    question: String,
    /// The position of the last item of the previous page.
    pub(crate) after: Option<P>,
    limit: usize,
}

impl Window {
    /// A page of a list that has no filters and is sorted by number.
    ///
    /// # Errors
    /// `INVALID_VALUE` for a limit out of range, `INVALID_CURSOR` for a cursor of another list.
    pub(crate) fn of(page: &Page, list: List) -> Result<Self, CommandError> {
        Self::in_answer_to(&(), page, list)
    }
}

impl<P: Position> Window<P> {
    /// A page of a list with filters or a sort order, given as `question`. A cursor is valid only for the same
    /// `question`.
    ///
    /// # Errors
    /// As [`of`](Window::of).
    pub(crate) fn in_answer_to(question: &impl Serialize, page: &Page, list: List) -> Result<Self, CommandError> {
        let limit = page.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(CommandError::invalid_value("/limit", format!("The `limit` must be 1 to {MAX_LIMIT}.")));
        }
        let question = fingerprint(question)?;
        let after = match &page.cursor {
            None => None,
            Some(cursor) => Some(decode(cursor, list, &question).ok_or_else(|| {
                CommandError::invalid(
                    InvalidCode::InvalidCursor,
                    "/cursor",
                    "This cursor does not belong to this list, filter and order. Use a `next_cursor` with the same \
                     query that returned it, or start without one.",
                )
            })?),
        };
        Ok(Self { list, question, after, limit: limit as usize })
    }

    /// The number of rows to select: one more than the page has, which shows whether another page follows.
    pub(crate) fn rows(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// The page of these items, each with its position.
    pub(crate) fn page<T>(&self, items: Vec<(P, T)>, total: Count) -> Listing<T> {
        self.page_until(items, total, None)
    }

    /// The same of a list that was only read until the position `stopped`, where the next page continues.
    pub(crate) fn page_until<T>(&self, mut items: Vec<(P, T)>, total: Count, stopped: Option<P>) -> Listing<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more).map(|(position, _)| position).or(stopped.as_ref());
        let next_cursor = last.map(|position| encode(self.list, &self.question, position));
        let items = items.into_iter().map(|(_, item)| item).collect();
        Listing { items, next_cursor, total: total.number, total_is_exact: total.is_exact }
    }
}

/// A short digest that distinguishes filters and sort orders. It is not secret: forging it only yields a page from the
/// middle of another list that the caller may read anyway.
fn fingerprint(question: &impl Serialize) -> Result<String, CommandError> {
    let json = serde_json::to_vec(question).map_err(|_| CommandError::internal("a question has no JSON form"))?;
    Ok(Digest::of(&json).to_string().chars().take(16).collect())
}

pub(crate) fn encode(list: List, question: &str, position: &impl Serialize) -> String {
    // Positions consist of numbers and text, so they always have a JSON form.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(VERSION, list, question, position)).unwrap_or_default())
}

pub(crate) fn decode<P: Position>(cursor: &str, list: List, question: &str) -> Option<P> {
    let payload = Some(cursor).filter(|cursor| cursor.len() <= MAX_CURSOR)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let (version, of, answers, position): (u8, List, String, P) = json::read(&payload)?;
    let fits = version == VERSION && of == list && answers == question && position.is_possible();
    fits.then_some(position)
}
