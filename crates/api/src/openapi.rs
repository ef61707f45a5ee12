//! The OpenAPI document, generated from the types that the routes read and return, from the table of
//! [operations](crate::table), and from the table of [codes](crate::codes). Not part of the deployment.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use crate::describe::{
    operation::Operation,
    schemas::{Example, Examples},
};
use crate::{
    describe::{schema, schemas::Schemas},
    http::problem,
    table,
};

const ABOUT: &str = "\
Issues API tokens, checks and revokes them. A token's text is shown once and stored nowhere.\n\n\
Every call but `/healthz` presents a token, as `Authorization: Bearer`, as `X-API-Key`, or as `X-lgca-token` with its \
workspace's slug in `x-lgca-domain`. What is refused is answered as a problem (RFC 9457), whose `code` is stable and \
whose `type` leads to its explanation under `/docs/errors`. A method that a path does not take is answered 405 \
`METHOD_NOT_ALLOWED`, an unknown path 404 `NO_SUCH_ROUTE`; `HEAD` is answered wherever `GET` is. Bodies are JSON of at \
most 64 KiB where nothing else is said, and unknown fields are refused.";

/// Every operation of the API.
#[must_use]
pub fn operations() -> Vec<Operation> {
    table::operations()
}

/// The document.
#[must_use]
pub fn document(examples: &Examples) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations() {
        let example = examples.get(&(operation.method, operation.path)).cloned().unwrap_or_default();
        let described = operation.describe(&mut schemas, example);
        paths.entry(operation.path).or_default().insert(operation.method.to_ascii_lowercase(), described);
    }
    let problem = problem::schema(&mut schemas.replies);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Counterfoil",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.all(problem),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token (RFC 6750)." },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A token." },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-counterfoil",
                    "description": "A browser's session. What changes anything must come from a page of this origin.",
                },
            },
            "parameters": parameters(),
            "headers": headers(),
        },
    });
    schema::tidy(&mut document);
    document
}

fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Sent again under the same key within 24 hours, the request has no second effect and is \
                            answered as it was, but without a token's text.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "description": "The `ETag` that the token had when it was read. If it has another by now, nothing is changed.",
            "schema": { "type": "string" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of what the caller has. If it is still the same, nothing is sent.",
            "schema": { "type": "string" },
        },
        "Workspace": {
            "name": "X-Counterfoil-Workspace",
            "in": "header",
            "description": "A workspace's slug. The root token must name the one it acts in; so must a token that was \
                            issued elsewhere and imported. Other tokens know theirs, and the header is ignored.",
            "schema": { "type": "string" },
        },
    })
}

fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "required": true, "schema": schema });
    json!({
        "RequestId": header(
            "The id under which the request was logged.",
            json!({ "type": "string", "pattern": "^req_[0-9a-f]{24}$" }),
        ),
        "Location": header("Where it is from now on.", json!({ "type": "string", "format": "uri-reference" })),
        "ETag": header(
            "The token's version, which `If-Match` may ask for.",
            json!({ "type": "string", "pattern": "^\"[0-9]+\"$" }),
        ),
        "FileTag": header(
            "Another one for each file, which `If-None-Match` may name.",
            json!({ "type": "string", "pattern": "^\"[0-9a-f]{64}\"$" }),
        ),
        "RetryAfter": header("Seconds to wait.", json!({ "type": "integer", "minimum": 1 })),
        "Challenge": header("What is wrong with the token (RFC 6750).", json!({ "type": "string" })),
        "Replayed": {
            "description": "`true` where this is the answer to an earlier request under the same `Idempotency-Key`.",
            "schema": { "type": "string", "enum": ["true"] },
        },
    })
}
