//! Times in RFC 3339 format.

use chrono::{DateTime, SecondsFormat, Utc};
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Parses a time with any offset and fraction, from 1970 on.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(time.timestamp_millis()).ok().map(Timestamp)
}

/// Formats a time in UTC with milliseconds.
#[must_use]
pub fn format(time: Timestamp) -> String {
    let time = i64::try_from(time.0).ok().and_then(DateTime::from_timestamp_millis);
    time.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes a time as text.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*time))
}

/// Reads a time from text.
///
/// # Errors
/// If the text is not a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom("expected an RFC 3339 time from 1970 on, such as 2027-01-31T12:00:00Z"))
}

/// The same for a day (UTC), which is represented by its beginning and written as a date.
pub(crate) mod date {
    use counterfoil_verify::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(day: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let time = super::format(*day);
        serializer.serialize_str(time.split_once('T').map_or("", |(date, _)| date))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let date = String::deserialize(deserializer)?;
        super::parse(&format!("{date}T00:00:00Z"))
            .ok_or_else(|| D::Error::custom("expected a date, such as 2027-01-31"))
    }
}

/// The same for an optional time; `None` is `null`.
pub mod option {
    use counterfoil_verify::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    /// Writes `null` or a time.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(super::format).serialize(serializer)
    }

    /// Reads `null` or a time.
    ///
    /// # Errors
    /// If the value is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| {
            super::parse(&text)
                .ok_or_else(|| D::Error::custom("expected an RFC 3339 time, such as 2027-01-31T12:00:00Z"))
        })
        .transpose()
    }
}
