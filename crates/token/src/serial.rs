//! Serde for types that are not secret: text in human-readable formats (JSON), bare bytes in binary ones (postcard).
//!
//! The bytes have a fixed length and no length prefix: 32 for a digest, 6 for a workspace key, 4 for an epoch. A prefix
//! is text in both. Input is validated, and no error message repeats it.

use crate::{Digest, Prefix, SealEpoch, WorkspaceKey};
use core::{fmt, marker::PhantomData};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_bytes(self, self.as_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text::new(Self::from_hex))
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self::from_bytes)
        }
    }
}

impl Serialize for WorkspaceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_bytes(self, self.as_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for WorkspaceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text::new(Self::parse))
        } else {
            <[u8; 6]>::deserialize(deserializer).and_then(|bytes| Self::from_bytes(&bytes).map_err(de::Error::custom))
        }
    }
}

impl Serialize for SealEpoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_bytes(self, self.as_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for SealEpoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text::new(Self::from_hex))
        } else {
            <[u8; 4]>::deserialize(deserializer).map(Self::from_bytes)
        }
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::new(Self::parse))
    }
}

fn text_or_bytes<S: Serializer>(
    text: &impl fmt::Display,
    bytes: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { serializer.collect_str(text) } else { bytes.serialize(serializer) }
}

/// Parses a string with a type's own parser, whether or not the format can lend the string.
struct Text<T, E, F: Fn(&str) -> Result<T, E>>(F, PhantomData<fn() -> (T, E)>);

impl<T, E, F: Fn(&str) -> Result<T, E>> Text<T, E, F> {
    fn new(parse: F) -> Self {
        Self(parse, PhantomData)
    }
}

impl<T, E: fmt::Display, F: Fn(&str) -> Result<T, E>> de::Visitor<'_> for Text<T, E, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<X: de::Error>(self, text: &str) -> Result<T, X> {
        (self.0)(text).map_err(X::custom)
    }
}
