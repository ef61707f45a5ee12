//! The configurations of docs/gateways/ name every header that matters.

use std::{collections::BTreeSet, fs, path::Path};

use counterfoil_api::{CREDENTIALS, QUESTION};

use crate::deployment::Deployment;

const NGINX: &str = include_str!("../../../../docs/gateways/nginx.md");
const CADDY: &str = include_str!("../../../../docs/gateways/caddy.md");
const ENVOY: &str = include_str!("../../../../docs/gateways/envoy.md");
const TRAEFIK: &str = include_str!("../../../../docs/gateways/traefik.md");

/// The headers that no origin server may see.
fn kept_back() -> impl Iterator<Item = &'static str> {
    CREDENTIALS.into_iter().chain(["x-counterfoil-gateway"])
}

/// The headers in which a response names the caller.
fn identity() -> Vec<String> {
    let deployment = Deployment::new();
    let admin = deployment.workspace("acme").admin;
    let reply = deployment.call("GET", "/authorize").bearer(&admin).header("x-counterfoil-gateway", &admin).send();
    assert_eq!(reply.status, 200);
    reply.headers.keys().map(ToString::to_string).filter(|name| name.starts_with("x-token-")).collect()
}

/// The lines of a page's first block in this language, in lower case and without indentation.
fn documented(page: &str, language: &str) -> Vec<String> {
    let (_, block) = page.split_once(&format!("```{language}\n")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    block.lines().map(words).collect()
}

/// The lines between the one with this start and the one with this end.
fn between<'a>(lines: &'a [String], start: &str, end: &str) -> &'a [String] {
    let (_, lines) = lines.split_at(lines.iter().position(|line| line.starts_with(start)).unwrap() + 1);
    lines.split_at(lines.iter().position(|line| line.starts_with(end)).unwrap_or(lines.len())).0
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|one| one == line), "{line:?} is missing of {lines:#?}");
}

#[track_caller]
fn has_start(lines: &[String], start: &str) {
    assert!(lines.iter().any(|one| one.starts_with(start)), "{start:?} is missing of {lines:#?}");
}

#[track_caller]
fn has_no_start(lines: &[String], start: &str) {
    assert!(!lines.iter().any(|one| one.starts_with(start)), "{start:?} is in {lines:#?}");
}

/// Of all header names in the source, exactly those in the list present a token.
#[test]
fn the_credentials_list_has_every_header_that_presents_a_token() {
    let mut names = BTreeSet::from(["authorization", "proxy-authorization", "cookie"].map(str::to_owned));
    add_names(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut names);
    assert!(names.len() > 100 && CREDENTIALS.iter().all(|name| names.contains(*name)), "{names:?}");
    let deployment = Deployment::new();
    let admin = deployment.workspace("acme").admin;
    let asked = |name: &str, value: &str| {
        let call = deployment.call("GET", "/authorize").header("x-counterfoil-gateway", &admin).header(name, value);
        call.send().line.code != Some("NO_CREDENTIAL")
    };
    let presents = |name: &&String| asked(name, &admin) || asked(name, &format!("Bearer {admin}"));
    let is_question = |name: &&String| QUESTION.iter().any(|question| question == name.as_str());
    let found: Vec<_> = names.iter().filter(|name| !is_question(name)).filter(presents).collect();
    let domain = "x-lgca-domain";
    assert_eq!(
        found,
        CREDENTIALS.iter().filter(|name| **name != domain).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    // The other half of the pair: it is no token, and the first half is not accepted without it.
    let pair =
        deployment.call("GET", "/authorize").header("x-counterfoil-gateway", &admin).header("x-lgca-token", &admin);
    assert_eq!(pair.header(domain, "acme").send().status, 200);
}

/// Adds every string in a folder's sources that could be a header name.
fn add_names(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            add_names(&entry.path(), names);
            continue;
        }
        let source = fs::read_to_string(entry.path()).unwrap();
        let could_be = |text: &&str| {
            let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..40).contains(&text.len()) && text.bytes().all(is_of_names)
        };
        names.extend(source.split('"').filter(could_be).map(str::to_owned));
    }
}

#[test]
fn the_nginx_example_sets_all_gateway_headers() {
    let lines = documented(NGINX, "nginx");
    let (origin, question) = (between(&lines, "location / {", "}"), between(&lines, "location = /counterfoil {", "}"));
    for name in kept_back() {
        has(origin, &format!("proxy_set_header {name} \"\";"));
    }
    for name in identity() {
        has_start(origin, &format!("proxy_set_header {name} $token_"));
    }
    for name in QUESTION {
        has_start(question, &format!("proxy_set_header {name} "));
    }
    // The gateway's request has all of the client's headers except those that are set.
    for name in CREDENTIALS {
        has_no_start(question, &format!("proxy_set_header {name} "));
    }
    has_no_start(question, "proxy_pass_request_headers");
    has(question, "proxy_pass https://counterfoil.example/authorize;");
}

#[test]
fn the_caddy_example_sets_all_gateway_headers() {
    let lines = documented(CADDY, "caddy");
    let question = between(&lines, "forward_auth ", "}");
    for name in kept_back() {
        has(between(&lines, "copy_headers", "reverse_proxy "), &format!("request_header -{name}"));
        has_no_start(between(&lines, "route {", "forward_auth "), &format!("request_header -{name}"));
        has_no_start(question, &format!("header_up -{name}"));
    }
    for name in QUESTION {
        let (sets, removes) = (format!("header_up {name} "), format!("header_up -{name}"));
        assert!(question.iter().any(|line| line.starts_with(&sets) || *line == removes), "{name}: {question:#?}");
    }
    let copied = question.iter().find_map(|line| line.strip_prefix("copy_headers ")).unwrap();
    assert_eq!(copied.split(' ').collect::<BTreeSet<_>>(), identity().iter().map(String::as_str).collect());
    has(question, "uri /authorize");
}

#[test]
fn the_envoy_example_sets_all_gateway_headers() {
    let lines = documented(ENVOY, "yaml");
    let passed = between(&lines, "allowed_headers:", "http_service:");
    let (first, last) = (
        between(&lines, "http_filters:", "- name: envoy.filters.http.ext_authz"),
        between(&lines, "# the api must not see", "- name: envoy.filters.http.router"),
    );
    for name in CREDENTIALS {
        has(passed, &format!("- exact: {name}"));
    }
    for name in kept_back() {
        has(last, &format!("- remove: {name}"));
    }
    // With any character in place of the dashes: some origin servers treat them alike.
    has(first, r#"- remove_on_match: { key_matcher: { safe_regex: { regex: "x[^a-z0-9]token[^a-z0-9].*" } } }"#);
    // No other header of the client: one that the gateway does not set is absent.
    assert_eq!(passed.len(), CREDENTIALS.len() + 1, "{passed:#?}");
    for name in ["gateway", "scopes", "address", "freshness"] {
        has_start(&lines, &format!("- {{ key: x-counterfoil-{name}, value: "));
    }
    has(&lines, "path_override: /authorize");
    for option in
        ["normalize_path: true", "merge_slashes: true", "path_with_escaped_slashes_action: unescape_and_forward"]
    {
        has(&lines, option);
    }
}

#[test]
fn the_traefik_example_sets_all_gateway_headers() {
    let lines = documented(TRAEFIK, "yaml");
    let (demand, passed, strip) = (
        between(&lines, "counterfoil-headers:", "counterfoil:"),
        between(&lines, "authrequestheaders:", "# removes"),
        between(&lines, "counterfoil-strip:", "```"),
    );
    for name in kept_back() {
        has(passed, &format!("- {name}"));
        has(strip, &format!("{name}: \"\""));
    }
    for name in QUESTION {
        has(passed, &format!("- {name}"));
        has_start(demand, &format!("{name}: \""));
    }
    // Traefik omits headers that `Connection` names from the gateway's request.
    has(demand, "connection: \"\"");
    has(&lines, "authresponseheadersregex: \"(?i)^x[^a-z0-9]token[^a-z0-9]\"");
}
