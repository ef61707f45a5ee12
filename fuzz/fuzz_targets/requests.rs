//! Whole requests, in the world of the API's tests: real ledgers, a real directory, and everything else in memory. Whatever
//! comes in, each answer keeps what all answers keep (tests/api/deployment.rs says what that is), none is a failure, and who
//! presents no credential changes nothing.
//!
//! An input is one request after the other, in text, with a line of three dashes between them:
//!
//! ```text
//! POST /v1/tokens
//! authorization: Bearer {admin}
//! content-type: application/json
//!
//! {"name": "a token", "scopes": []}
//! ```
//!
//! `{admin}`, `{root}`, `{session}`, `{id}` and `{seconds}` stand for what there is in this world.

#![no_main]
#![allow(dead_code, reason = "the world has more to it than is used here")]

#[path = "../../crates/api/tests/api/deployment.rs"]
mod deployment;
#[path = "../../crates/api/tests/api/world.rs"]
mod world;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

use crate::deployment::{COOKIE, Deployment, ORIGIN, ROOT, text};

/// The most requests of one input.
const MOST: usize = 8;

/// The request, where HTTP can carry it.
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

/// The parts between lines of three dashes.
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
    // Making a world takes longer than most else: not for what is no request at all.
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
        let presents = known.iter().take(4).any(|(name, _)| replace(part, name, "") != part);
        let Some(request) = request(&text) else { continue };
        let before = (!presents).then(|| deployment.world.dump());
        let reply = deployment.send(request);
        assert!(reply.status < 500, "{reply:?}");
        if let Some(before) = before {
            assert_eq!(before, deployment.world.dump(), "a stranger's request changed something");
        }
    }
});
