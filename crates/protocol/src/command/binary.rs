//! Binary records within JSON.

use core::ops::Deref;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_verify::Encoded;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A record in the binary layout that all verifiers read, so that there is only one decoder. In JSON it is base64 text.
#[derive(Debug, PartialEq, Eq)]
pub struct Binary<T>(pub T);

impl<T> Deref for Binary<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Encoded> Serialize for Binary<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0.encode()))
    }
}

impl<'de, T: Encoded> Deserialize<'de> for Binary<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let item = BASE64_STANDARD.decode(text).ok().and_then(|bytes| T::decode(&bytes).ok());
        item.map(Self).ok_or_else(|| D::Error::custom("expected an answer to a verifier"))
    }
}
