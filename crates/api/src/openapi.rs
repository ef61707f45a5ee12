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

const ABOUT: &str = "Creates, verifies and revokes API tokens. A token value is returned once and not \
    stored.\n\nEvery request except `/healthz` presents a token, as `Authorization: Bearer`, as `X-API-Key`, or as \
    `X-lgca-token` with its workspace's slug in `x-lgca-domain`. Errors are returned as problems (RFC 9457), whose \
    `code` is stable and whose `type` links to its explanation under `/docs/errors`. A method that a path does not \
    support is answered with 405 `METHOD_NOT_ALLOWED`, an unknown path with 404 `NO_SUCH_ROUTE`. `HEAD` is supported \
    wherever `GET` is. Unless stated otherwise, bodies are JSON of at most 64 KiB; unknown fields are rejected.";

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
                    "description": "A browser's session. Requests that change anything must come from a page of this \
                        origin.",
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
            "description": "A retry with the same key within 24 hours has no further effect and returns the original \
                response, without the token value.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "description": "The token's `ETag` when it was read. If the token has changed since, the request is \
                rejected.",
            "schema": { "type": "string" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of the caller's copy. If it is current, the response is 304 without a body.",
            "schema": { "type": "string" },
        },
        "Workspace": {
            "name": "X-Counterfoil-Workspace",
            "in": "header",
            "description": "A workspace's slug. Required with the root token and with imported third-party tokens. \
                Other tokens identify their workspace themselves, and the header is ignored.",
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
        "Location": header("The URL to continue with.", json!({ "type": "string", "format": "uri-reference" })),
        "ETag": header(
            "The token's version, for `If-Match`.",
            json!({ "type": "string", "pattern": "^\"[0-9]+\"$" }),
        ),
        "FileTag": header(
            "Identifies the file, for `If-None-Match`.",
            json!({ "type": "string", "pattern": "^\"[0-9a-f]{64}\"$" }),
        ),
        "RetryAfter": header("Seconds to wait before a retry.", json!({ "type": "integer", "minimum": 1 })),
        "Challenge": header("The authentication challenge (RFC 6750): what is wrong with the token.", json!({ "type": "string" })),
        "Replayed": {
            "description": "`true` if this is the stored response to an earlier request with the same \
                `Idempotency-Key`.",
            "schema": { "type": "string", "enum": ["true"] },
        },
    })
}
