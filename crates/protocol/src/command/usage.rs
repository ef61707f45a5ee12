//! Commands about the use of tokens, and what they answer.

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rfc3339;

/// Adds up uses that a verifier has counted; only the control plane's own verifier may. It is no change that anybody
/// is told of. Texts that are not known here are passed over.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReportUses {
    /// At most 1,000; there may be several of one text.
    pub uses: Vec<Uses>,
}

/// Uses of one text on one day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// The digest of the text: the token's own, one that rotation replaced, or that of a session.
    pub digest: Digest,
    /// The last of them. It says on which day they were.
    pub last_used_at: Timestamp,
    /// How many.
    pub count: u32,
}

/// Uses were added up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reported {}

/// How often a token was used on each of the last days; needs `tokens:read`.
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
