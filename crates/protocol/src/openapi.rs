//! JSON Schemas of the ledger's replies, for the OpenAPI document. They are not part of the deployed code.

use counterfoil_token::{
    openapi::{
        Cow,
        schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    },
    text_schema,
};

use crate::{Host, Hosts, Slug, WebAddress, token_value::TokenValue};

text_schema!(
    Slug,
    "Slug",
    "The name of a workspace in URLs and headers.",
    "^[a-z][a-z0-9-]{1,38}[a-z0-9]$",
    40,
    "acme"
);
text_schema!(
    Host,
    "Host",
    "A host name or IP address, in lower case, with its port unless that is 80 or 443.",
    "^([a-z0-9.-]+|\\[[0-9a-f:.]+\\])(:[0-9]{1,5})?$",
    259,
    "api.acme.example"
);
text_schema!(
    WebAddress,
    "WebAddress",
    "A URL: https, or http for the local machine, without user information or a fragment.",
    "^https?://[!-\"$-~]+$",
    255,
    "https://accounts.example"
);
text_schema!(
    TokenValue,
    "TokenText",
    "A token value. It is returned once and not stored.",
    "^[a-z][a-z0-9_]{0,11}_[0-9A-Za-z]{42}$",
    55,
    "cft_0jHsQ2wA1gf4wq05PshVs2QEKdvb5BsO8nE21VFhOF"
);

impl JsonSchema for Hosts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Hosts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<Host>() })
    }
}

/// A time: what [`crate::rfc3339`] reads and writes.
pub struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339, from 1970 to 9999. Read with any offset and fraction, written in UTC with \
                            milliseconds.",
            "examples": ["2027-01-15T08:00:00.000Z"],
        })
    }
}

/// A day: what [`crate::rfc3339::date`] reads and writes.
pub struct Date;

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date",
            "description": "A day (UTC).",
            "examples": ["2027-01-15"],
        })
    }
}

/// Whether a member or a workspace is active: what [`crate::status`] reads and writes.
pub struct Status;

impl JsonSchema for Status {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["active", "suspended"] })
    }
}

/// Marks a field that `null` clears, for the description of a `PATCH` request.
pub const CLEARABLE: &str = "x-clearable";
