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
    "A scope: segments joined by `:` or `.`.",
    "^[A-Za-z0-9_-]+([:.][A-Za-z0-9_-]+)*$",
    100,
    "orders:read"
);
text_schema!(
    ScopePattern,
    "ScopePattern",
    "A scope, or a wildcard: a `*` at the end matches one or more further segments. `*` alone matches every scope.",
    "^([A-Za-z0-9_-]+[:.])*([A-Za-z0-9_-]+|\\*)$",
    100,
    "orders:*"
);
text_schema!(
    AddressBlock,
    "AddressBlock",
    "An IPv4 or IPv6 range in CIDR notation, or a single address. The bits past the prefix length are zero.",
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
            "How stale the records of a decision may be. `strong`: from the ledger; no token is accepted after its \
             revocation has returned. `bounded`: from cache, under a lease of the ledger; no token is accepted for \
             longer than the lease after its revocation has returned. `eventual`: from cache up to a minute old, \
             otherwise from the registry; works while the ledger is down.",
            &["eventual", "bounded", "strong"],
        )
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "DecisionCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of("The result of verifying a token. `/docs/errors` explains each code.", &Code::ALL.map(Code::as_str))
    }
}
