//! Whole requests, in the test environment of the API: real ledgers, a real directory, and everything else in memory. Every
//! response meets the checks in tests/api/deployment.rs, none has a status of 500 or above, and a request without a
//! credential changes nothing.
//!
//! An input is a sequence of requests as text, separated by lines of three dashes:
//!
//! ```text
//! POST /v1/tokens
//! authorization: Bearer {admin}
//! content-type: application/json
//!
//! {"name": "a token", "scopes": []}
//! ```
//!
//! `{admin}`, `{root}`, `{token}`, `{session}`, `{id}`, `{key}` and `{origin}` are replaced by values of this environment.

#![no_main]
#![allow(dead_code, reason = "the test environment has more than is used here")]

#[path = "../../crates/api/tests/api/deployment.rs"]
mod deployment;
#[path = "../../crates/api/tests/api/world.rs"]
mod world;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

use crate::deployment::{COOKIE, Deployment, ORIGIN, ROOT, text};

/// The maximum number of requests in an input.
const MOST: usize = 8;

/// The request, if it is valid HTTP.
fn request(text: &[u8]) -> Option<Request<Body>> {
    let end = text.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = Method::from_bytes(first.next()?).ok()?;
    let path = std::str::from_utf8(first.next()?).ok().filter(|path| path.starts_with('/'))?;
    *request.uri_mut() = format!("{ORIGIN}{path}").parse::<Uri>().ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    Some(request)
}

fn replace(text: &[u8], name: &str, by: &str) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(name.len()).position(|part| part == name.as_bytes()) {
        replaced.extend(&rest[..at]);
        replaced.extend(by.as_bytes());
        rest = &rest[at + name.len()..];
    }
    replaced.extend(rest);
    replaced
}

/// The parts that lines of three dashes separate.
fn parts(mut input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(at) = input.windows(5).position(|part| part == b"\n---\n").filter(|_| parts.len() < MOST - 1) {
        parts.push(&input[..at]);
        input = &input[at + 5..];
    }
    parts.push(input);
    parts
}

fuzz_target!(|input: &[u8]| {
    let parts = parts(input);
    // Creating a deployment is expensive, so it is skipped if no part is a request.
    if parts.iter().all(|part| request(part).is_none()) {
        return;
    }
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    let issued = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": ["orders:read", "sessions:create"] }));
    let (value, id) = (text(&issued, "/token"), text(&issued, "/id"));
    let session = format!("{COOKIE}={}", deployment.session(&value).0);
    let known = [
        ("{admin}", tenant.admin.as_str()),
        ("{root}", ROOT),
        ("{token}", &value),
        ("{session}", &session),
        ("{id}", &id),
        ("{key}", &tenant.key),
        ("{origin}", ORIGIN),
    ];
    for part in parts {
        let text = known.iter().fold(part.to_vec(), |text, (name, by)| replace(&text, name, by));
        let has_credential = known.iter().take(4).any(|(name, _)| replace(part, name, "") != part);
        let Some(request) = request(&text) else { continue };
        let before = (!has_credential).then(|| deployment.world.dump());
        let reply = deployment.send(request);
        assert!(reply.status < 500, "{reply:?}");
        if let Some(before) = before {
            assert_eq!(before, deployment.world.dump(), "a request without a credential changed something");
        }
    }
});
