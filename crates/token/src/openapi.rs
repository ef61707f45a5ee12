//! How texts look in JSON, as JSON Schema: for the description of the API, never in what is deployed.

extern crate alloc;

pub use alloc::borrow::Cow;
pub use schemars;

use crate::{Digest, Prefix, WorkspaceKey};

/// Says of a type that it is a text in JSON: its name, what it is, the pattern it follows, its greatest length, and an
/// example.
#[macro_export]
macro_rules! text_schema {
    ($type:ty, $name:literal, $about:literal, $pattern:literal, $length:literal, $example:literal) => {
        impl $crate::openapi::schemars::JsonSchema for $type {
            fn schema_name() -> $crate::openapi::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut $crate::openapi::schemars::SchemaGenerator) -> $crate::openapi::schemars::Schema {
                $crate::openapi::schemars::json_schema!({
                    "type": "string",
                    "description": $about,
                    "pattern": $pattern,
                    "maxLength": $length,
                    "examples": [$example],
                })
            }
        }
    };
}

text_schema!(
    Digest,
    "Digest",
    "The SHA-256 digest of a token value, in hexadecimal.",
    "^[0-9A-Fa-f]{64}$",
    64,
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
);
text_schema!(
    WorkspaceKey,
    "WorkspaceKey",
    "The key that identifies the workspace in its tokens.",
    "^[0-9A-Za-z]{6}$",
    6,
    "0Kx71a"
);
text_schema!(Prefix, "Prefix", "The prefix of a workspace's tokens.", "^[a-z]([a-z0-9_]{0,10}[a-z0-9])?$", 12, "cft");
