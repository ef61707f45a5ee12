//! The code table and the files that are generated from the sources match the code. After a change: `cargo xtask docs`.

mod package;

use std::{collections::BTreeSet, env, fs, path::Path};

use counterfoil_api::{
    codes,
    openapi::{self, Example, Examples},
};
use serde_json::Value;

use crate::{deployment::Deployment, routes};

/// The sources that name codes, relative to the repository's root; folders are searched recursively.
const SOURCES: &[&str] = &["crates/api/src", "crates/verify/src/decision.rs", "crates/worker/js/shim.mjs"];

/// Sources that only describe codes, or that use codes of other systems.
const DESCRIPTIONS: &[&str] = &["codes.rs", "openapi.rs", "describe", "databricks/envelope.rs"];

/// Compares a generated file, relative to the root, with the committed one.
#[track_caller]
fn up_to_date(name: &str, contents: &str) {
    let path = root().join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, contents).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == contents, "{name} is not up to date: cargo xtask docs");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_error_reference_is_up_to_date() {
    up_to_date("docs/errors.md", &codes::markdown());
    up_to_date("www/docs/errors.html", &codes::html());
}

#[test]
fn the_type_of_each_problem_leads_to_an_anchor() {
    for code in codes::all().map(|meaning| meaning.code) {
        let anchor = format!(" id=\"{code}\"");
        for page in [codes::html(), codes::markdown()] {
            assert_eq!(page.matches(&anchor).count(), 1, "{code}");
        }
    }
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let document = openapi::document(&examples());
    up_to_date("openapi.json", &format!("{document:#}\n"));
}

/// A request to every route and its response, in a deterministic world.
fn examples() -> Examples {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    let routes = routes::all(&deployment, &tenant);
    let example = |route: &routes::Route| {
        let reply = route.send_as_admin(&deployment, &tenant);
        let mut response = Some(reply.expect(route.answers)).filter(|body| *body != Value::Null);
        // The size of an empty workspace changes with the schema, so the example has a fixed one.
        if let Some(used) = response.as_mut().and_then(|body| body.pointer_mut("/storage/used_bytes")) {
            *used = 1_250_000.into();
        }
        ((route.method, route.pattern), Example { request: route.body.clone(), response })
    };
    routes.iter().map(example).collect()
}

#[test]
fn the_openapi_document_describes_exactly_the_routes() {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    let routes = routes::all(&deployment, &tenant);
    let routes: BTreeSet<_> = routes.iter().map(|route| (route.pattern, route.method)).collect();
    let described: BTreeSet<_> =
        openapi::operations().iter().map(|operation| (operation.path, operation.method)).collect();
    assert_eq!(routes.difference(&described).collect::<Vec<_>>(), [&("", ""); 0], "not described");
    assert_eq!(described.difference(&routes).collect::<Vec<_>>(), [&("", ""); 0], "described, but not a route");
}

#[test]
fn operations_list_only_problem_codes() {
    for operation in openapi::operations() {
        for code in operation.codes() {
            let meaning = codes::meaning(code).unwrap_or_else(|| panic!("{code} is not in the table"));
            assert!(!meaning.statuses.is_empty(), "{} {}: {code} is no problem", operation.method, operation.path);
        }
    }
}

#[test]
fn the_code_table_has_every_used_code_exactly_once() {
    let listed: Vec<_> = codes::all().map(|meaning| meaning.code.to_owned()).collect();
    let table: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(table.len(), listed.len(), "each once");
    let mut used = BTreeSet::new();
    SOURCES.iter().for_each(|source| collect(&root().join(source), &mut used));
    assert_eq!(used.difference(&table).collect::<Vec<_>>(), [""; 0], "used, but not in the table");
    assert_eq!(table.difference(&used).collect::<Vec<_>>(), [""; 0], "in the table, but never used");
}

/// Adds each string in a source that looks like a code.
fn collect(path: &Path, used: &mut BTreeSet<String>) {
    if DESCRIPTIONS.iter().any(|name| path.ends_with(name)) {
        return;
    }
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), used));
        return;
    }
    let source = fs::read_to_string(path).unwrap();
    let is_code = |text: &&str| {
        text.len() >= 4
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && !["GET", "POST", "HEAD", "SCREAMING_SNAKE_CASE"].contains(text)
            // Bindings of the platform.
            && !text.starts_with("LIMIT_")
    };
    // Strings between quotes. The text between two strings is collected too, but never looks like a code.
    used.extend(source.split('"').filter(is_code).map(str::to_owned));
    // The codes that the API's own sources name.
    let name = |text: &str| text.split(|letter: char| !letter.is_ascii_alphanumeric()).next().map(spelt);
    used.extend(source.split("ProblemCode::").skip(1).filter_map(name).filter(|code| is_code(&code.as_str())));
}

/// `NO_CREDENTIAL` for `NoCredential`.
fn spelt(name: &str) -> String {
    let mut code = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(letter.to_ascii_uppercase());
    }
    code
}
