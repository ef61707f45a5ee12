//! How these types look in JSON, as JSON Schema: for the description of the API, never in what is deployed.

use counterfoil_token::{
    openapi::{
        Cow,
        schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    },
    text_schema,
};

use crate::{AddressBlock, Code, Freshness, Scope, ScopePattern, ScopeSet};

text_schema!(
    Scope,
    "Scope",
    "A permission: segments joined by `:` or `.`.",
    "^[A-Za-z0-9_-]+([:.][A-Za-z0-9_-]+)*$",
    100,
    "orders:read"
);
text_schema!(
    ScopePattern,
    "ScopePattern",
    "A permission, or all below a common beginning: a `*` at the end stands for one or more further segments. `*` alone \
     is everything.",
    "^([A-Za-z0-9_-]+[:.])*([A-Za-z0-9_-]+|\\*)$",
    100,
    "orders:*"
);
text_schema!(
    AddressBlock,
    "AddressBlock",
    "A block of IPv4 or IPv6 addresses in CIDR notation; an address alone is a block of one. The bits past the prefix \
     are zero.",
    "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
    49,
    "192.0.2.0/24"
);

impl JsonSchema for ScopeSet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ScopeSet".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "description": "Sorted, each once.",
            "items": generator.subschema_for::<ScopePattern>(),
            "uniqueItems": true,
        })
    }
}

/// A list of words, of which a value is one.
fn one_of(about: &str, words: &[&str]) -> Schema {
    json_schema!({ "type": "string", "description": about, "enum": words })
}

impl JsonSchema for Freshness {
    fn schema_name() -> Cow<'static, str> {
        "Freshness".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of(
            "How stale an answer may be. `strong`: from the ledger, nothing passes after its revocation returned. \
             `bounded`: from memory, under a lease of the ledger's; nothing passes longer than that after its revocation \
             returned. `eventual`: from memory up to a minute old, else from the \
             registry; goes on while the ledger is down.",
            &["eventual", "bounded", "strong"],
        )
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "DecisionCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of("What was decided. `/docs/errors` explains each.", &Code::ALL.map(Code::as_str))
    }
}
