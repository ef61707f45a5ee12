//! Invalid bodies of every kind, on every route that reads one.

use axum::body::Body;
use serde_json::{Value, json};

use crate::{deployment::text, matrix::Matrix};

/// The size limit of a body.
fn max_body(pattern: &str) -> usize {
    match pattern {
        "/v1/tokens/import" => 4 * 1024 * 1024,
        "/v1/lease" => 256 * 1024,
        _ => 64 * 1024,
    }
}

#[test]
fn a_body_with_another_content_type_is_rejected() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
            let call = call().content(content_type, body.to_string());
            matrix.refused(call, content_type, 415, "UNSUPPORTED_MEDIA_TYPE", None);
        }
        // A rotation has a body only if it grants a grace period.
        if route.pattern != "/v1/tokens/{id}/rotate" {
            matrix.refused(call(), "no body at all", 415, "UNSUPPORTED_MEDIA_TYPE", None);
        }
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        let call = matrix.deployment.call("POST", "/v1/verify").bearer(&matrix.tenant.admin);
        call.content(content_type, r#"{"token":""}"#).send().expect(200);
    }
}

#[test]
fn a_body_that_is_not_json_is_rejected() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        for broken in [" ", "{", "{]", "'a'", "{\"\u{0}\": 1}", &format!("{body}x"), &format!("{body}{body}")] {
            matrix.refused_body(route, broken.to_owned(), 400, "INVALID_JSON", None);
        }
        matrix.refused_body(route, &b"{\"name\": \"\xff\"}"[..], 400, "INVALID_JSON", None);
        for other in ["null", "7", "\"text\"", "true", "[]", " [\"slug\", \"name\", null]"] {
            matrix.refused_body(route, other, 422, "INVALID_BODY", Some(""));
        }
    }
}

/// An empty body is treated as absent whatever its `Content-Type`: client libraries declare JSON for every request.
#[test]
fn an_empty_body_is_no_body_and_a_byte_order_mark_is_ignored() {
    let matrix = Matrix::new();
    let empty = [&b""[..], b"\xef\xbb\xbf"];
    for (route, body) in matrix.taking_bodies() {
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant);
        for none in empty {
            if route.pattern == "/v1/tokens/{id}/rotate" {
                call().content("application/json", none).send().expect(200);
            } else {
                let reply =
                    matrix.refused(call().content("application/json", none), "empty", 400, "INVALID_JSON", None);
                assert!(text(&reply.body, "/detail").contains("no body"), "{}", reply.body);
            }
        }
        let twice = format!("\u{feff}\u{feff}{body}");
        matrix.refused_body(route, twice, 400, "INVALID_JSON", None);
        let marked = call().content("application/json", format!("\u{feff}{body}")).send();
        assert_eq!(marked.status, route.answers, "{} {}: {}", route.method, route.pattern, marked.body);
    }
    let session = || matrix.deployment.call("POST", "/v1/session").bearer(&matrix.tenant.admin);
    for none in empty {
        session().content("application/json", none).send().expect(201);
    }
}

#[test]
fn a_field_of_the_wrong_type_is_rejected_with_its_pointer() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        for pointer in pointers(body) {
            let mut wrong = body.clone();
            let place = wrong.pointer_mut(&pointer).unwrap();
            *place = if place.is_number() || place.is_boolean() { json!("seven") } else { json!(7.5) };
            matrix.refused_body(route, wrong.to_string(), 422, "INVALID_BODY", Some(&pointer));
        }
    }
}

/// Clients are written in any language, so messages use the terms of JSON.
#[test]
fn decode_errors_use_json_terms_and_not_rust_types() {
    let of_rust = [
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "f32",
        "f64",
        "str",
        "String",
        "struct",
        "enum",
        "Vec",
        "Option",
        "bool",
        "boolean",
        "char",
        "tuple",
        "unit",
        "newtype",
        "sequence",
        "map",
        "variant",
        "identifier",
        "untagged",
        "integer",
        "ParseIntError",
    ];
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(7),
        json!(7.5),
        json!(1e30),
        json!("seven"),
        json!([]),
        json!([7]),
        json!({}),
        json!({ "x": 7 }),
    ];
    let mut seen = 0;
    let mut judge = |what: &str, reply: &Value| {
        let details = reply["items"].as_array().into_iter().flatten().chain([reply]);
        for detail in details.filter_map(|told| told["detail"].as_str()) {
            let words = || detail.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(!words().any(|word| of_rust.contains(&word)), "{what}: {detail}");
            seen += 1;
        }
    };
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let mut all = pointers(body);
        if let Some(lines) = body.pointer("/tokens/0").filter(|line| line.is_object()) {
            all.extend(pointers(lines).into_iter().map(|pointer| format!("/tokens/0{pointer}")));
        }
        for (pointer, other) in all.iter().chain([&String::new()]).flat_map(|at| others.iter().map(move |o| (at, o))) {
            let mut wrong = body.clone();
            *wrong.pointer_mut(pointer).unwrap() = other.clone();
            let reply = route.call_as_admin(&matrix.deployment, &matrix.tenant).json(&wrong).send();
            judge(&format!("{} {} {pointer} {other}", route.method, route.pattern), &reply.body);
        }
    }
    for query in [
        "/v1/tokens?limit=x",
        "/v1/tokens?limit=",
        "/v1/tokens?limit=-1",
        "/v1/tokens?usage=1e99",
        "/v1/audit?limit=9999999999",
    ] {
        judge(query, &matrix.deployment.get(&matrix.tenant.admin, query).body);
    }
    let create = |field: &str, value: Value| {
        let mut body = json!({ "name": "n", "scopes": [] });
        body[field] = value;
        let reply = matrix.deployment.post(&matrix.tenant.admin, "/v1/tokens", &body);
        assert_eq!(reply.refused(422), "INVALID_BODY");
        text(&reply.body, "/detail")
    };
    assert!(seen > 500, "{seen}");
    let said = "Invalid request body at `/expires_in`: expected a whole number of seconds, 1 or more, found -1.";
    assert_eq!(create("expires_in", json!(-1)), said);
    assert_eq!(
        create("enabled", json!("yes")),
        "Invalid request body at `/enabled`: expected true or false, found a string."
    );
    assert_eq!(create("scopes", json!({})), "Invalid request body at `/scopes`: expected a list, found an object.");
}

/// Pointers to all values in a body, except in fields of any type, and except in the lines of an import, whose errors are
/// reported line by line.
fn pointers(value: &Value) -> Vec<String> {
    let steps: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    let below = |(step, value): (String, &Value)| {
        let deeper = if ["metadata", "tokens"].contains(&&*step) { Vec::new() } else { pointers(value) };
        [String::new()].into_iter().chain(deeper).map(move |rest| format!("/{step}{rest}")).collect::<Vec<_>>()
    };
    steps.into_iter().flat_map(below).collect()
}

#[test]
fn a_list_in_place_of_an_object_is_rejected_at_every_level() {
    let matrix = Matrix::new();
    let mut objects = 0;
    for (route, body) in matrix.taking_bodies() {
        for pointer in pointers(body).into_iter().chain([String::new()]) {
            let mut listed = body.clone();
            let place = listed.pointer_mut(&pointer).unwrap();
            let Some(fields) = place.as_object() else { continue };
            // In any order, including that of the declaration if there is only one field.
            *place = fields.values().cloned().collect();
            matrix.refused_body(route, listed.to_string(), 422, "INVALID_BODY", Some(&pointer));
            objects += 1;
        }
    }
    assert!(objects > matrix.taking_bodies().count(), "objects within bodies too");

    let acme = &matrix.tenant;
    for (method, path, body, pointer) in [
        ("POST", "/v1/tokens/revoke", json!({ "filter": ["eve", null, null, null, null, null] }), "/filter"),
        ("POST", "/v1/verify", json!({ "token": "x", "demand": [[], [], null, "strong"] }), "/demand"),
        ("PUT", "/v1/scopes", json!({ "scopes": [["a", "b", null, null, null]] }), "/scopes/0"),
    ] {
        let call = matrix.deployment.call(method, path).bearer(&acme.admin).json(&body);
        matrix.refused(call, path, 422, "INVALID_BODY", Some(pointer));
    }
}

#[test]
fn an_unknown_field_is_rejected_at_every_level() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let objects = pointers(body).into_iter().filter(|pointer| !pointer.ends_with("/metadata"));
        for pointer in objects.chain([String::new()]) {
            let mut more = body.clone();
            let Some(fields) = more.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
            fields.insert("surprise".to_owned(), json!(1));
            let at = format!("{pointer}/surprise");
            matrix.refused_body(route, more.to_string(), 422, "INVALID_BODY", Some(&at));
        }
        let twice = body.to_string().replacen('{', r#"{"surprise":1,"surprise":2,"#, 1);
        matrix.refused_body(route, twice, 400, "INVALID_JSON", None);
    }
}

#[test]
fn a_missing_required_field_is_named() {
    let required = [
        ("POST", "/v1/workspaces", &["slug", "name"][..]),
        ("PUT", "/v1/scopes", &["scopes"]),
        ("POST", "/v1/members", &["id", "name", "role", "grants"]),
        ("POST", "/v1/tokens", &["name", "scopes"]),
        ("POST", "/v1/clients", &["id", "name", "permissions"]),
        ("POST", "/v1/tokens/import", &["tokens"]),
        ("POST", "/v1/records", &["digests"]),
    ];
    let matrix = Matrix::new();
    for (method, pattern, fields) in required {
        for field in fields {
            let route = matrix.route(method, pattern);
            let mut less = route.body.clone().unwrap();
            less.as_object_mut().unwrap().remove(*field);
            let call = route.call_as_admin(&matrix.deployment, &matrix.tenant).json(&less);
            let reply = matrix.refused(call, field, 422, "INVALID_BODY", Some(&format!("/{field}")));
            assert!(text(&reply.body, "/detail").contains(&format!("`{field}`")), "{}", reply.body);
        }
    }
}

#[test]
fn a_body_is_accepted_up_to_its_size_limit() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let limit = max_body(route.pattern);
        let padded = |length: usize| {
            let body = body.to_string();
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant);
        let large = padded(limit + 1);
        let (start, end) = large.split_at(limit);
        let declared =
            call().header("content-length", large.len().to_string()).content("application/json", large.clone());
        matrix.refused(declared, "too large, and says so", 413, "BODY_TOO_LARGE", None);
        let streamed = call().content("application/json", stream([Ok(start.to_owned()), Ok(end.to_owned())]));
        matrix.refused(streamed, "too large, and does not say so", 413, "BODY_TOO_LARGE", None);
        let broken = call().content("application/json", stream([Ok(padded(1_000)), Err("the line is cut")]));
        matrix.refused(broken, "cut short", 400, "BODY_INCOMPLETE", None);
        let reply = call().content("application/json", padded(limit)).send();
        assert_eq!(reply.status, route.answers, "the limit itself is allowed: {}", reply.body);
    }
}

#[test]
fn an_invalid_import_line_is_rejected_alone_with_its_pointer() {
    let matrix = Matrix::new();
    let route = matrix.route("POST", "/v1/tokens/import");
    let right = &route.body.as_ref().unwrap()["tokens"][0];
    let wrong = |pointer: &str, value: Value| {
        let mut line = right.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match line.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.insert(field.to_owned(), value)),
            Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
            _ => panic!("nothing lies below {parent}"),
        }
        line
    };
    let mut lines: Vec<(String, Value)> =
        pointers(right).into_iter().map(|at| (at.clone(), wrong(&at, json!(7.5)))).collect();
    lines.push(("/surprise".to_owned(), wrong("/surprise", json!(1))));
    lines.extend(["digest", "name", "scopes"].map(|field| {
        let mut line = right.clone();
        line.as_object_mut().unwrap().remove(field);
        (format!("/{field}"), line)
    }));
    let tokens: Vec<_> = lines.iter().map(|(_, line)| line).chain([right]).collect();
    let call = route.call_as_admin(&matrix.deployment, &matrix.tenant).json(&json!({ "tokens": tokens }));
    let done = call.send().expect(200);
    let items = done["items"].as_array().unwrap();
    assert_eq!((&done["imported"], items.len()), (&json!(1), lines.len() + 1));
    for ((pointer, line), item) in lines.iter().zip(items) {
        let found = (text(item, "/result"), text(item, "/code"), text(item, "/pointer"));
        assert_eq!(found, ("refused".to_owned(), "INVALID_BODY".to_owned(), pointer.clone()), "{line}: {item}");
    }
    assert_eq!(items[lines.len()]["result"], "imported");
}

fn stream<const N: usize>(chunks: [Result<String, &'static str>; N]) -> Body {
    Body::from_stream(futures_util::stream::iter(chunks))
}

#[test]
fn a_deeply_nested_body_is_rejected_without_side_effects() {
    let matrix = Matrix::new();
    for levels in [200, 30_000] {
        let body =
            format!(r#"{{"name":"","scopes":[],"metadata":{{"x":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels));
        let before = matrix.deployment.world.dump();
        let call = matrix.deployment.call("POST", "/v1/tokens").bearer(&matrix.tenant.admin);
        let reply = call.content("application/json", body).send();
        assert_eq!(reply.refused(400), "INVALID_JSON");
        assert!(text(&reply.body, "/detail").contains("recursion limit"));
        assert!(matrix.deployment.world.dump() == before);
    }
}

#[test]
fn nesting_depth_never_causes_a_server_error() {
    let matrix = Matrix::new();
    let send = |path: &str, body: String| {
        let call = matrix.deployment.call("POST", path).bearer(&matrix.tenant.admin);
        call.content("application/json", body).send()
    };
    for levels in 30..=130 {
        let metadata = format!("{}1{}", r#"{"x":"#.repeat(levels), "}".repeat(levels));
        let token = format!(r#"{{"name":"","scopes":[],"metadata":{metadata}}}"#);
        let created = send("/v1/tokens", token);
        assert!(matches!(created.status, 201 | 400 | 422), "{levels}: {}", created.status);
        let digest = "0".repeat(61) + &format!("{levels:03}");
        let line = format!(r#"{{"digest":"{digest}","name":"","scopes":[],"metadata":{metadata}}}"#);
        let imported = send("/v1/tokens/import", format!(r#"{{"tokens":[{line}]}}"#));
        assert!(matches!(imported.status, 200 | 400), "{levels}: {}", imported.status);
    }
}
