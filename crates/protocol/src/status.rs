//! Whether a member or a workspace is active: `"active"` or `"suspended"` in JSON.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<S: Serializer>(suspended: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *suspended { "suspended" } else { "active" })
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match &*String::deserialize(deserializer)? {
        "active" => Ok(false),
        "suspended" => Ok(true),
        _ => Err(D::Error::custom("expected `active` or `suspended`")),
    }
}
