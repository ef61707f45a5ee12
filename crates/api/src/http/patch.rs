//! The fields of a `PATCH`: absent, `null`, or a value.

use counterfoil_protocol::command::Patch;
use serde::{Deserialize, Deserializer};

/// A field that `null` clears. With `#[serde(default)]` an absent one keeps what is there.
pub(crate) fn clearable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Patch<T>, D::Error> {
    Ok(Option::deserialize(field)?.map_or(Patch::Clear, Patch::Set))
}

/// A field that cannot be cleared: `null` is refused, where serde alone would take it for an absent field.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}
