//! Times in bodies.

use core::fmt;
use counterfoil_protocol::command::Patch;
use counterfoil_protocol::rfc3339;
use counterfoil_verify::Timestamp;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Error as _},
};

/// A day, in milliseconds.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1_000;

/// A time in RFC 3339: read with any offset and fraction, written in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rfc3339(#[serde(with = "rfc3339")] pub(crate) Timestamp);

/// When something expires: a time, or the last day on which it is valid, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let day = || rfc3339::parse(&format!("{text}T00:00:00Z"));
        // A day ends where the next one begins.
        let end = rfc3339::parse(&text).or_else(|| day().map(|start| start.plus(DAY)));
        end.map(Self).ok_or_else(|| {
            D::Error::custom(
                "expected an RFC 3339 time from 1970 on, such as 2027-01-31T12:00:00Z, or a date, such as 2027-01-31",
            )
        })
    }
}

/// A duration in seconds. The ledger checks the upper limit.
struct Seconds<const LEAST: u64>(u64);

impl<'de, const LEAST: u64> Deserialize<'de> for Seconds<LEAST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<const LEAST: u64>;

        impl<const LEAST: u64> de::Visitor<'_> for Whole<LEAST> {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number of seconds, {LEAST} or more")
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<u64, E> {
                Ok(seconds)
            }
        }

        deserializer.deserialize_u64(Whole::<LEAST>).map(Self)
    }
}

/// Seconds, 0 or more.
pub(crate) fn any_seconds<'de, D: Deserializer<'de>>(field: D) -> Result<u64, D::Error> {
    Seconds::<0>::deserialize(field).map(|Seconds(seconds)| seconds)
}

/// Seconds that may be absent or `null`.
pub(crate) fn seconds_if_any<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<Seconds<1>>::deserialize(field)?.map(|Seconds(seconds)| seconds))
}

/// Seconds of a `PATCH` that cannot be cleared.
pub(crate) fn seconds_present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u64>, D::Error> {
    Seconds::<1>::deserialize(field).map(|Seconds(seconds)| Some(seconds))
}

/// Seconds of a `PATCH` that `null` clears.
pub(crate) fn seconds_clearable<'de, D: Deserializer<'de>>(field: D) -> Result<Patch<u64>, D::Error> {
    Ok(seconds_if_any(field)?.map_or(Patch::Clear, Patch::Set))
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for End {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "End".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use counterfoil_protocol::openapi::{Date, Time};
        schemars::json_schema!({
            "anyOf": [generator.subschema_for::<Time>(), generator.subschema_for::<Date>()],
            "description": "A time, or the last day (UTC) on which the token is valid.",
        })
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Rfc3339 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        counterfoil_protocol::openapi::Time::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<counterfoil_protocol::openapi::Time>()
    }
}
