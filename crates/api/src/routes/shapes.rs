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
    /// The number of items per page: 1 to 100. Default: 50.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl From<PageQuery> for Page {
    fn from(PageQuery { limit, cursor }: PageQuery) -> Self {
        Self { limit, cursor }
    }
}
