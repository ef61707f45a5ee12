//! A change of an optional field.

#[cfg(feature = "openapi")]
use counterfoil_token::openapi::{
    Cow,
    schemars::{JsonSchema, Schema, SchemaGenerator},
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::openapi::CLEARABLE;

/// A change of an optional field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch<T> {
    /// The field is unchanged.
    #[default]
    Keep,
    /// The field is cleared.
    Clear,
    /// The field is set.
    Set(T),
}

impl<T> Patch<T> {
    /// Applies the change.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

#[cfg(feature = "openapi")]
impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<Option<T>>();
        schema.insert(CLEARABLE.to_owned(), true.into());
        schema
    }
}
