//! The fields of a `PATCH`: absent, `null`, or a value.

use counterfoil_protocol::command::Patch;
use serde::{Deserialize, Deserializer};

/// A field that `null` clears. With `#[serde(default)]`, an absent field is unchanged.
pub(crate) fn clearable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Patch<T>, D::Error> {
    Ok(Option::deserialize(field)?.map_or(Patch::Clear, Patch::Set))
}

/// A field that cannot be cleared: `null` is rejected, which serde alone would treat as absent.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}
