//! Times as people write them: RFC 3339.

use chrono::{DateTime, SecondsFormat};
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A time in RFC 3339: read with any offset and fraction, written in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = i64::try_from(self.0.0)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).ok();
        let milliseconds = time.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
        milliseconds
            .map(|milliseconds| Self(Timestamp(milliseconds)))
            .ok_or_else(|| D::Error::custom("not a time: expected RFC 3339 from 1970 on, such as 2027-01-31T12:00:00Z"))
    }
}
