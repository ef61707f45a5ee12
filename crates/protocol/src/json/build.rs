//! Parses text to a tree, as serde_json does for its own `Value`. But an object with two fields of the same name is an
//! error, and an object is never mistaken for a number.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::names::{NUMBER, PRIVATE};

/// A tree that was parsed.
pub(super) struct Built(pub(super) Value);

impl<'de> Deserialize<'de> for Built {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build).map(Self)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Built(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key()? {
            let name = match name {
                Name::Field(name) if name.starts_with(PRIVATE) => {
                    return Err(de::Error::custom("an object has a field with a reserved name"));
                }
                Name::Field(name) => name,
                Name::Digits => {
                    let digits: String = object.next_value()?;
                    return digits.parse().map(Value::Number).map_err(de::Error::custom);
                }
            };
            let Built(value) = object.next_value()?;
            if fields.insert(name, value).is_some() {
                return Err(de::Error::custom("an object has two fields with the same name"));
            }
        }
        Ok(Value::Object(fields))
    }
}

/// What precedes a value: the name of a field, or the marker that the value is the digits of a number.
enum Name {
    Field(String),
    Digits,
}

impl<'de> Deserialize<'de> for Name {
    /// If a newtype is requested, serde_json passes a field's name as one, but its own marker as a plain string. So a
    /// field in the input that is named like the marker is not mistaken for it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldOrDigits;

        impl<'de> Visitor<'de> for FieldOrDigits {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, name: D) -> Result<Name, D::Error> {
                String::deserialize(name).map(Name::Field)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                if name == NUMBER { Ok(Name::Digits) } else { Err(E::custom("unexpected field name")) }
            }
        }

        deserializer.deserialize_newtype_struct("Name", FieldOrDigits)
    }
}
