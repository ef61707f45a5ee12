//! Lists, which are returned in pages.

use serde::{Deserialize, Serialize};

/// The requested part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many items: 1 to 100; 50 if absent.
    pub limit: Option<u32>,
    /// Where the previous page ended: its `next_cursor`, which is opaque to callers.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PageOf{T}"))]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last. A page before it may have fewer items than requested, or none.
    pub next_cursor: Option<String>,
    /// How many items all pages have together, or at least how many if `total_is_exact` is false.
    pub total: u64,
    /// Whether `total` is the exact number. At most 10,000 items are counted one by one.
    #[serde(default = "yes")]
    pub total_is_exact: bool,
}

/// A ledger that does not report it counted all items.
fn yes() -> bool {
    true
}
