//! Times in bodies.

use counterfoil_ledger::rfc3339;
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};

/// A time in RFC 3339: read with any offset and fraction, written in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rfc3339(#[serde(with = "rfc3339")] pub(crate) Timestamp);

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Rfc3339 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        counterfoil_ledger::openapi::Time::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<counterfoil_ledger::openapi::Time>()
    }
}
