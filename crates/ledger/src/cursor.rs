//! Pages of a list: where one begins and where the next one does.
//!
//! A cursor names the last item of a page by its number, which never changes and is never used again. So a page begins
//! where the last one ended, whatever came or went in between: no item is shown twice, none that stays is skipped.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    command::{Listing, Page},
    refusal::{InvalidCode, Refusal},
    sql::MAX_INTEGER,
};

/// The cursor's layout: `[VERSION, list, number as 8 bytes, big-endian]` in base64url.
const VERSION: u8 = 1;

/// How many items a page has where nothing is said, and how many at most.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// Which list a cursor belongs to. The byte is part of the cursors that callers hold.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum List {
    Tokens = b't',
    Members = b'm',
}

/// The part of a list that is asked for.
pub(crate) struct Window {
    list: List,
    /// The number of the item that the last page ended with.
    pub(crate) after: Option<u64>,
    limit: usize,
}

impl Window {
    /// # Errors
    /// `INVALID_VALUE` for a limit out of range, `INVALID_CURSOR` for a cursor that this list did not give.
    pub(crate) fn of(page: &Page, list: List) -> Result<Self, Refusal> {
        let limit = page.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Refusal::invalid_value("/limit", format!("The limit must be 1 to {MAX_LIMIT}.")));
        }
        let after = page.cursor.as_deref().map(|cursor| decode(cursor, list)).transpose()?;
        Ok(Self { list, after, limit: limit as usize })
    }

    /// How many rows to ask the database for: one more than the page has, which tells whether another follows.
    pub(crate) fn rows(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// The page of the items that came, each with its number.
    pub(crate) fn page<T>(&self, mut items: Vec<(u64, T)>, total: u64) -> Listing<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more).map(|(number, _)| *number);
        let next_cursor = last.map(|number| encode(self.list, number));
        Listing { items: items.into_iter().map(|(_, item)| item).collect(), next_cursor, total }
    }
}

fn encode(list: List, number: u64) -> String {
    let mut payload = vec![VERSION, list as u8];
    payload.extend(number.to_be_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(payload)
}

fn decode(cursor: &str, list: List) -> Result<u64, Refusal> {
    let foreign = || Refusal::invalid(InvalidCode::InvalidCursor, "/cursor", "This list gave no such cursor.");
    // Longer ones are not even decoded.
    let payload =
        Some(cursor).filter(|cursor| cursor.len() < 64).and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok());
    let payload: [u8; 10] = payload.and_then(|bytes| bytes.try_into().ok()).ok_or_else(foreign)?;
    let [version, kind, number @ ..] = payload;
    let number = u64::from_be_bytes(number);
    if version == VERSION && kind == list as u8 && number <= MAX_INTEGER { Ok(number) } else { Err(foreign()) }
}
