//! Types that several routes read.

use counterfoil_protocol::command::Page;
use serde::Deserialize;

/// Whether a member or a workspace takes part.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Suspended,
}

impl Status {
    pub(crate) fn is_suspended(self) -> bool {
        matches!(self, Self::Suspended)
    }
}

/// Which page, as the query says it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many items: 1 to 100, 50 where absent.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    limit: Option<u32>,
    /// Where the last page ended: its `next_cursor`.
    cursor: Option<String>,
}

impl From<PageQuery> for Page {
    fn from(PageQuery { limit, cursor }: PageQuery) -> Self {
        Self { limit, cursor }
    }
}
