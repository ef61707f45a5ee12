//! Commands for token usage, and their replies.

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rfc3339;

/// Adds uses that a verifier has counted; only the control plane's own verifier may send this. Verifiers need not see
/// usage, so it starts no new generation. Entries with an unknown digest are ignored.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReportUses {
    /// At most 1,000 entries; several may have the same digest.
    pub uses: Vec<Uses>,
}

/// The uses of one token value or session value on one day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// The digest of a token's current value, of a value that a rotation replaced, or of a session value.
    pub digest: Digest,
    /// The time of the last of these uses. It determines the day that they count for.
    pub last_used_at: Timestamp,
    /// The number of uses.
    pub count: u32,
}

/// The report was processed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reported {}

/// Reads how often a token was used on each of the last days; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadUsage {
    /// `tok_…`
    pub id: String,
    /// The number of days (UTC, including today): 1 to 90. Default: 30.
    pub days: Option<u32>,
}

/// How often a token was used, as far as it was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Usage {
    /// One entry for each day, oldest first, including days without uses.
    pub items: Vec<DayOfUse>,
    /// The total number of uses on these days.
    pub total: u64,
    /// When the token was last used, on any day.
    #[serde(with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub last_used_at: Option<Timestamp>,
}

/// How often a token was used on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DayOfUse {
    /// The day (UTC).
    #[serde(with = "rfc3339::date")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Date"))]
    pub day: Timestamp,
    /// How often the token was used on that day.
    pub uses: u64,
}
