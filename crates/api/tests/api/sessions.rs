//! Sessions as browsers use them: a cookie that scripts cannot read, accepted from pages of this origin only.

use counterfoil_api::{Config, ConfigError, Settings, parse_seal_secrets, parse_session_secrets};
use counterfoil_token::{Prefix, SealSecret, Token, WorkspaceKey};
use serde_json::{Value, json};

use crate::{
    deployment::{COOKIE, Call, Deployment, ORIGIN, ROOT, Tenant, text},
    matrix::Matrix,
    routes::Needs,
    world::{CLIENT_SECRETS, SEAL_SECRETS, SESSION_SECRETS, SNAPSHOT_KEYS},
};

fn with_session() -> (Deployment, Tenant, String) {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let (session, _) = deployment.session(&acme.admin);
    (deployment, acme, session)
}

/// A value in the format of a session's.
fn sealed_by(workspace: &str, secret: &SealSecret) -> String {
    let workspace = WorkspaceKey::parse(workspace).unwrap();
    let random = &mut |bytes: &mut [u8]| bytes.fill(b'x');
    let text = Token::mint(&Prefix::parse("ses").unwrap(), workspace, &secret.key_for(workspace), random).unwrap();
    text.as_ref().expose().to_owned()
}

#[test]
fn the_session_cookie_has_the_strictest_attributes() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    for (origin, body) in [(ORIGIN, None), ("http://127.0.0.1:8787", Some(json!({})))] {
        let path = "/v1/session";
        let mut request = http::Request::builder().method("POST").uri(format!("{origin}{path}"));
        request = request.header("authorization", format!("Bearer {}", acme.admin));
        let body = body.map(|body: Value| body.to_string());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let reply = deployment.send(request.body(body.unwrap_or_default().into()).unwrap());
        assert_eq!((reply.status, reply.header("location")), (201, Some(path)));
        let cookie = reply.header("set-cookie").unwrap();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
        let (name, session) = pair.split_once('=').unwrap();
        assert_eq!(name, COOKIE);
        assert!(session.starts_with(&format!("ses_{}", acme.key)));

        let own = deployment.call("GET", path).cookie(session).send().expect(200);
        assert_eq!(own, reply.body, "the same as the response to its creation");
        assert_eq!(own["member"], json!({ "id": "admin", "number": 1 }));
        assert_eq!((&own["scopes"], &own["expires_at"]), (&json!(["*"]), &json!("2027-01-15T20:00:00.000Z")));
        let mut fields: Vec<_> = own.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["created_at", "created_by", "expires_at", "id", "issuer", "member", "scopes"]);
        let bytes = str::from_utf8(&reply.bytes).unwrap();
        assert!(!bytes.contains(session.get(10..34).unwrap()), "the session value is in the body");
    }
}

#[test]
fn a_session_works_until_it_is_ended() {
    let (deployment, acme, session) = with_session();
    let created = json!({ "name": "made in the browser", "scopes": [] });
    let made = deployment.call("POST", "/v1/tokens").session(&session).json(&created).send().expect(201);
    let own = deployment.call("GET", "/v1/session").session(&session).send().expect(200);
    assert_eq!(made["created_by"], own["id"]);
    let list = deployment.get(&acme.admin, "/v1/sessions").expect(200);
    assert_eq!((&list["total"], &list["items"][0]), (&json!(1), &own));

    let reply = deployment.call("DELETE", "/v1/session").session(&session).send();
    let cleared = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert_eq!(reply.header("set-cookie"), Some(&*cleared));
    assert_eq!(reply.expect(200)["scopes"], json!([]));
    let reply = deployment.call("GET", "/v1/session").session(&session).send();
    assert_eq!(reply.refused(401), "SESSION_ENDED");
    let reply = deployment.call("DELETE", &format!("/v1/sessions/{}", text(&own, "/id"))).bearer(&acme.admin).send();
    assert_eq!(reply.refused(404), "NOT_FOUND");
    assert_eq!(deployment.get(&acme.admin, "/v1/session").refused(404), "NOT_FOUND");
}

#[test]
fn the_session_cookie_expires_with_the_session() {
    let (deployment, acme, _) = with_session();
    let short = json!({ "name": "", "scopes": ["sessions:create"], "expires_in": 90 });
    let token = text(&deployment.issue(&acme.admin, &short), "/token");
    let reply = deployment.call("POST", "/v1/session").bearer(&token).send();
    assert!(reply.header("set-cookie").unwrap().ends_with("; Max-Age=90"));
    let (session, _) = deployment.session(&token);
    deployment.world.pass(89_999);
    deployment.call("GET", "/v1/session").session(&session).send().expect(200);
    deployment.world.pass(1);
    assert_eq!(deployment.call("GET", "/v1/session").session(&session).send().refused(401), "SESSION_ENDED");
}

#[test]
fn a_forged_session_cookie_is_rejected_without_a_ledger_request() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant: acme, .. } = &matrix;
    let alive = deployment.world.ledgers_alive();
    let stranger = SealSecret::new(&[7; 32]).unwrap();
    let (session, _) = deployment.session(&acme.admin);
    let invented = [
        String::new(),
        "nonsense".to_owned(),
        "a-text-that-somebody-else-made".to_owned(),
        "\u{e9}".to_owned(),
        sealed_by(&acme.key, &stranger),
        sealed_by("0zzzzz", &stranger),
        // Holders of a seal key have no session key.
        sealed_by(&acme.key, &parse_seal_secrets(SEAL_SECRETS).unwrap()[0]),
        acme.admin.clone(),
        ROOT.to_owned(),
        format!("{session}0"),
    ];
    for route in matrix.routes.iter().filter(|route| !matches!(route.needs, Needs::Nothing | Needs::Root)) {
        for text in &invented {
            let call = route.call(deployment).session(text);
            let reply = matrix.refused(call, text, 401, "SESSION_ENDED", None);
            assert_eq!(reply.line.ledger_calls, 0, "{text}");
        }
    }
    assert_eq!(deployment.world.ledgers_alive(), alive);
    // A value with a valid tag causes a query.
    let sealed = sealed_by(&acme.key, &parse_session_secrets(SESSION_SECRETS).unwrap()[1]);
    let reply = deployment.call("GET", "/v1/tokens").session(&sealed).send();
    assert_eq!((reply.refused(401), reply.line.ledger_calls), ("SESSION_ENDED", 1));
}

#[test]
fn a_session_value_is_not_accepted_as_a_token() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant: acme, .. } = &matrix;
    let (session, _) = deployment.session(&acme.admin);
    for route in matrix.routes.iter().filter(|route| !matches!(route.needs, Needs::Nothing | Needs::Root)) {
        let reply = matrix.refused(route.call(deployment).bearer(&session), "as a token", 401, "UNKNOWN", None);
        assert_eq!(reply.line.ledger_calls, 0);
        let call = route.call(deployment).header("x-api-key", &session);
        matrix.refused(call, "as a key", 401, "UNKNOWN", None);
    }
    let body = json!({ "token": session });
    assert_eq!(deployment.post(&acme.admin, "/v1/verify", &body).expect(200)["code"], "UNKNOWN");
}

#[test]
fn cross_origin_changes_in_a_session_are_rejected() {
    type Sent = fn(Call<'_>) -> Call<'_>;
    let own: [(&str, Sent); 2] = [
        ("the origin alone", |call| call.header("origin", ORIGIN)),
        ("what the browser saw too", |call| call.header("origin", ORIGIN).header("sec-fetch-site", "same-origin")),
    ];
    let foreign: [(&str, Sent); 14] = [
        ("nothing", |call| call),
        ("no origin", |call| call.header("sec-fetch-site", "same-origin")),
        ("an opaque origin", |call| call.header("origin", "null")),
        ("an empty one", |call| call.header("origin", "")),
        ("another scheme", |call| call.header("origin", "http://counterfoil.example")),
        ("another port", |call| call.header("origin", "https://counterfoil.example:8443")),
        ("another host", |call| call.header("origin", "https://evil.example")),
        ("a host below", |call| call.header("origin", "https://evil.counterfoil.example")),
        ("a host that ends so", |call| call.header("origin", "https://evilcounterfoil.example")),
        ("a host that begins so", |call| call.header("origin", "https://counterfoil.example.evil.example")),
        ("more than an origin", |call| call.header("origin", "https://counterfoil.example/")),
        ("two origins", |call| call.header("origin", ORIGIN).header("origin", "https://evil.example")),
        ("the same site", |call| call.header("origin", ORIGIN).header("sec-fetch-site", "same-site")),
        ("two sites", |call| {
            call.header("origin", ORIGIN).header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site")
        }),
    ];
    let matrix = Matrix::new();
    let Matrix { deployment, tenant: acme, routes } = &matrix;
    let (session, _) = deployment.session(&acme.admin);
    for route in routes.iter().filter(|route| !matches!(route.needs, Needs::Nothing | Needs::Root)) {
        for (what, sent) in foreign {
            let call = sent(route.call(deployment).cookie(&session));
            if route.method == "GET" {
                let read = call.send();
                let is_foreign = read.line.code == Some("ORIGIN_NOT_ALLOWED");
                assert!(read.status == 200 || is_foreign, "{what}: {}", read.body);
                continue;
            }
            let reply = matrix.refused(call, what, 403, "CROSS_ORIGIN", None);
            assert_eq!(reply.line.ledger_calls, 0, "{what}");
        }
    }
    for (what, sent) in own {
        let body = json!({ "name": what, "scopes": [] });
        sent(deployment.call("POST", "/v1/tokens").cookie(&session)).json(&body).send().expect(201);
    }
    // A token is not a cookie, so the workspace's allowed origins apply.
    let body = json!({ "name": "", "scopes": [] });
    let call = deployment.call("POST", "/v1/tokens").bearer(&acme.admin).header("origin", "https://evil.example");
    assert_eq!(call.json(&body).send().refused(403), "ORIGIN_NOT_ALLOWED");

    // If the request does not name its own origin, no page is of it.
    let request = http::Request::builder().method("DELETE").uri("/v1/session").header("origin", ORIGIN);
    let request = request.header("cookie", format!("{COOKIE}={session}")).body(axum::body::Body::empty()).unwrap();
    assert_eq!(deployment.send(request).refused(403), "CROSS_ORIGIN");
}

#[test]
fn the_session_cookie_is_used_only_without_a_token() {
    let (deployment, acme, session) = with_session();
    let globex = deployment.workspace("globex");
    let call = || deployment.call("GET", "/v1/workspace");
    let slug = |call: Call<'_>| text(&call.send().expect(200), "/slug");
    assert_eq!(slug(call().cookie(&session)), "acme");
    assert_eq!(slug(call().cookie(&session).bearer(&globex.admin)), "globex");
    assert_eq!(slug(call().cookie(&session).header("x-api-key", &globex.admin)), "globex");
    assert_eq!(slug(call().cookie("stale").bearer(&globex.admin)), "globex");
    assert_eq!(call().cookie(&session).bearer("mistyped").send().refused(401), "MALFORMED");
    // A browser with one session may sign in to another.
    let reply = deployment.call("POST", "/v1/session").cookie(&session).bearer(&globex.admin).send();
    assert_eq!(reply.expect(201)["member"]["id"], "admin");
    assert_eq!(deployment.get(&acme.admin, "/v1/sessions").expect(200)["total"], 1);
    // But only with a token.
    let reply = deployment.call("POST", "/v1/session").session(&session).send();
    assert_eq!(reply.refused(403), "TOKEN_ONLY");
    let root = deployment.call("POST", "/v1/session").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    assert_eq!(root.send().refused(403), "TOKEN_ONLY");
    // Nor can a session create workspaces.
    let reply = deployment.call("POST", "/v1/workspaces").session(&session).json(&json!({})).send();
    assert_eq!(reply.refused(401), "NO_CREDENTIAL");
}

#[test]
fn the_session_cookie_is_found_among_other_cookies() {
    let (deployment, acme, session) = with_session();
    let (other, _) = deployment.session(&acme.admin);
    let call = |cookies: &[&[u8]]| {
        let call = deployment.call("GET", "/v1/session");
        cookies.iter().fold(call, |call, cookie| call.header("cookie", cookie)).send()
    };
    let own = format!("{COOKIE}={session}");
    let among = format!("a=1; {own} ;b=\u{fc}");
    let accepted: [&[&[u8]]; 4] =
        [&[own.as_bytes()], &[among.as_bytes()], &[b"a=\xff", own.as_bytes()], &[own.as_bytes(), own.as_bytes()]];
    for cookies in accepted {
        call(cookies).expect(200);
    }
    let both = format!("{own}; {COOKIE}={other}");
    assert_eq!(call(&[both.as_bytes()]).refused(400), "AMBIGUOUS_CREDENTIAL");
    assert_eq!(call(&[own.as_bytes(), format!("{COOKIE}={other}").as_bytes()]).refused(400), "AMBIGUOUS_CREDENTIAL");
    // A cookie with another name is ignored.
    for name in
        ["counterfoil", "__host-counterfoil", "__Secure-counterfoil", "x__Host-counterfoil", "__Host-counterfoil2"]
    {
        assert_eq!(call(&[format!("{name}={session}").as_bytes()]).refused(401), "NO_CREDENTIAL", "{name}");
    }
}

#[test]
fn a_session_verifies_with_the_scopes_of_its_token() {
    let (deployment, acme, session) = with_session();
    let token = deployment.token(&acme.admin, &["orders:read"]);
    let ask = |session: &str, freshness: &str| {
        let body = json!({ "token": token, "demand": { "freshness": freshness } });
        deployment.call("POST", "/v1/verify").session(session).json(&body).send()
    };
    for freshness in ["strong", "bounded", "eventual"] {
        assert_eq!(ask(&session, freshness).expect(200)["code"], "VALID");
    }
    let records = |session: &str| {
        let body = json!({ "digests": [] });
        deployment.call("POST", "/v1/records").session(session).json(&body).send()
    };
    assert_eq!(records(&session).status, 200);
    let opener = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["sessions:create"] }));
    let (weak, _) = deployment.session(&text(&opener, "/token"));
    assert_eq!(ask(&weak, "eventual").refused(403), "INSUFFICIENT_SCOPE");
    assert_eq!(records(&weak).refused(403), "INSUFFICIENT_SCOPE");
    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", text(&opener, "/id"))).expect(200);
    assert_eq!(ask(&weak, "eventual").refused(401), "REVOKED");
    assert_eq!(records(&weak).refused(401), "REVOKED");
}

#[test]
fn sign_in_with_a_token_accepts_only_an_empty_body_or_object() {
    let (deployment, acme, _) = with_session();
    let call = || deployment.call("POST", "/v1/session").bearer(&acme.admin);
    call().json(&json!({})).send().expect(201);
    let more = call().json(&json!({ "name": "acme" })).send();
    assert_eq!((more.refused(422), text(&more.body, "/pointer")), ("INVALID_BODY", "/name".to_owned()));
    assert_eq!(call().json(&json!([])).send().refused(422), "INVALID_BODY");
    assert_eq!(call().raw("{}").send().refused(415), "UNSUPPORTED_MEDIA_TYPE");
}

#[test]
fn deployment_secrets_must_be_valid_and_distinct() {
    let root = format!(r#"["{}"]"#, "ab".repeat(32));
    let settings = Settings {
        root_token_digests: &root,
        seal_secrets: SEAL_SECRETS,
        session_secrets: SESSION_SECRETS,
        ..Settings::default()
    };
    let parse = |seal_secrets: &str, session_secrets: &str| {
        Config::parse(&Settings { seal_secrets, session_secrets, ..settings }).err()
    };
    assert_eq!(parse(SEAL_SECRETS, SESSION_SECRETS), None);
    let short = format!(r#"["{}"]"#, "ab".repeat(31));
    for wrong in ["", "[]", "{}", r#""ab""#, r#"["xy"]"#, &short, SEAL_SECRETS] {
        assert_eq!(parse(SEAL_SECRETS, wrong), Some(ConfigError::SessionSecrets), "{wrong}");
    }
    assert_eq!(parse("", SESSION_SECRETS), Some(ConfigError::SealSecrets));
    // Neither kind of secret is accepted as a snapshot key.
    let snapshots = |text: &str| Config::parse(&Settings { snapshot_keys: text, ..settings }).err();
    for right in ["", SNAPSHOT_KEYS] {
        assert_eq!(snapshots(right), None, "{right}");
    }
    for wrong in ["[]", "{}", r#"["xy"]"#, &short, SEAL_SECRETS, SESSION_SECRETS] {
        assert_eq!(snapshots(wrong), Some(ConfigError::SnapshotKeys), "{wrong}");
    }
    let clients = |text: &str| Config::parse(&Settings { client_secrets: text, ..settings }).err();
    for right in ["", "{}", CLIENT_SECRETS] {
        assert_eq!(clients(right), None, "{right}");
    }
    for wrong in ["[]", r#"{"console":"secret"}"#, r#"{"https://a.example":["secret"]}"#, "secret"] {
        assert_eq!(clients(wrong), Some(ConfigError::ClientSecrets), "{wrong}");
    }
    let also = SESSION_SECRETS.replace(']', &format!(",{}", SEAL_SECRETS.trim_start_matches('[')));
    assert_eq!(parse(SEAL_SECRETS, &also), Some(ConfigError::SessionSecrets));
}
