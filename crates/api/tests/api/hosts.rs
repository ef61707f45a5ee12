//! The hosts of a workspace: requests to them need not name the workspace of a third-party token.

use counterfoil_protocol::directory::{Release, Request, Slug};
use counterfoil_token::{Digest, WorkspaceKey};
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, Tenant},
    world::Fault,
};

/// A third-party token.
const FOREIGN: &str = "parcelLabAPItoken-30characters";

/// The host of every test's deployment.
const OWN: &str = "counterfoil.example";

/// For how long an isolate caches the directory's responses.
const KEPT: u64 = 10_000;

/// A workspace that has imported a token of its admin.
fn account(deployment: &Deployment, slug: &str) -> Tenant {
    let tenant = deployment.workspace(slug);
    let line = json!({ "digest": Digest::of(FOREIGN.as_bytes()), "name": "old", "scopes": ["tokens:*"] });
    let imported = deployment.post(&tenant.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    assert_eq!(imported["imported"], 1);
    tenant
}

fn as_root<'a>(deployment: &'a Deployment, slug: &str) -> Call<'a> {
    deployment.call("PATCH", "/v1/workspace").bearer(ROOT).header("x-counterfoil-workspace", slug)
}

fn set(deployment: &Deployment, slug: &str, hosts: &Value) -> Reply {
    as_root(deployment, slug).json(&json!({ "hosts": hosts })).send()
}

fn hosts(deployment: &Deployment, tenant: &Tenant) -> Value {
    deployment.get(&tenant.admin, "/v1/workspace").expect(200)["hosts"].clone()
}

fn read_self(deployment: &Deployment) -> Reply {
    deployment.get(FOREIGN, "/v1/tokens/self")
}

#[test]
fn a_third_party_token_is_looked_up_by_the_requests_host() {
    let deployment = Deployment::new();
    let acme = account(&deployment, "acme");
    account(&deployment, "other");
    assert_eq!(hosts(&deployment, &acme), json!([]));
    assert_eq!(read_self(&deployment).refused(401), "UNKNOWN");
    let set = |slug, hosts| set(&deployment, slug, &hosts);
    set("other", json!([format!("{OWN}:8443"), "other.example"])).expect(200);
    assert_eq!(read_self(&deployment).refused(401), "UNKNOWN", "a host with a port is another host");

    assert_eq!(read_self(&deployment).line.ledger_calls, 0, "the directory's response is cached");
    deployment.world.pass(KEPT);

    let changed = set("acme", json!(["API.Acme.Example:443", OWN, OWN])).expect(200);
    assert_eq!(changed["hosts"], json!(["api.acme.example", OWN]));
    assert_eq!(hosts(&deployment, &acme), changed["hosts"]);
    let found = read_self(&deployment);
    assert_eq!((found.line.ledger_calls, &found.body["name"]), (2, &json!("old")), "the directory and the ledger");
    assert_eq!(read_self(&deployment).line.ledger_calls, 1, "the ledger alone");
    // In a dialect too. A header that names a workspace takes precedence over the host.
    let list = deployment.call("GET", "/tokens/list").header("user", "1").header("token", FOREIGN);
    assert_eq!(list.send().expect(200).as_array().unwrap().len(), 2);
    let elsewhere = |slug| {
        let call = deployment.call("GET", "/v1/workspace").bearer(FOREIGN);
        call.header("x-counterfoil-workspace", slug).send()
    };
    assert_eq!(elsewhere("other").expect(200)["slug"], "other");
    assert_eq!(elsewhere("nowhere").refused(401), "UNKNOWN");
    // A native token names its workspace itself.
    let own = deployment.get(&acme.admin, "/v1/tokens/self");
    assert_eq!((own.status, own.line.ledger_calls), (200, 1));

    let elsewhere = deployment.another();
    assert_eq!(read_self(&elsewhere).status, 200);
    set("acme", json!([])).expect(200);
    assert_eq!(read_self(&deployment).refused(401), "UNKNOWN", "in the isolate of the change, immediately");
    assert_eq!(read_self(&elsewhere).status, 200, "other isolates use the cached response");
    deployment.world.pass(KEPT);
    assert_eq!(read_self(&elsewhere).refused(401), "UNKNOWN", "until it expires");
}

#[test]
fn a_flood_of_invented_tokens_sends_few_directory_requests() {
    let deployment = Deployment::new();
    let asked: u32 = (0..200)
        .map(|number| deployment.get(&format!("invented-token-{number}"), "/v1/tokens").line.ledger_calls)
        .sum();
    assert_eq!(asked, 1);
    // Nor do many hosts overload the directory, or displace cached hosts.
    deployment.world.pass(1_000);
    let at = |host: &str| {
        let request = http::Request::get(format!("https://{host}/v1/tokens"))
            .header("authorization", format!("Bearer {FOREIGN}"));
        let reply = deployment.send(request.body(axum::body::Body::empty()).unwrap());
        (reply.status, reply.line.ledger_calls)
    };
    let answers: Vec<_> = (0..200).map(|number| at(&format!("host-{number}.example"))).collect();
    let of = |answer| answers.iter().filter(|one| **one == answer).count();
    assert_eq!((of((401, 1)), of((429, 0))), (20, 180));
    assert_eq!((at("host-0.example"), at("host-199.example")), ((401, 0), (429, 0)));
    deployment.world.pass(1_000);
    assert_eq!(at("host-199.example"), (401, 1), "the next second");
}

#[test]
fn a_host_belongs_to_one_workspace() {
    let deployment = Deployment::new();
    let (acme, other) = (account(&deployment, "acme"), account(&deployment, "other"));
    set(&deployment, "acme", &json!([OWN])).expect(200);
    let before = deployment.world.dump();
    let taken = set(&deployment, "other", &json!(["free.example", OWN]));
    assert_eq!((taken.refused(409), taken.body["pointer"].as_str()), ("ALREADY_EXISTS", Some("/hosts")));
    assert!(taken.body["detail"].as_str().unwrap().contains(OWN));
    assert!(deployment.world.dump() == before, "rejected, but something changed");
    // Once released, it can be assigned to any workspace.
    set(&deployment, "acme", &json!([])).expect(200);
    set(&deployment, "other", &json!([OWN])).expect(200);
    assert_eq!((hosts(&deployment, &acme), hosts(&deployment, &other)), (json!([]), json!([OWN])));
}

#[test]
fn only_root_changes_hosts_in_a_request_of_their_own() {
    let deployment = Deployment::new();
    let acme = account(&deployment, "acme");
    let before = deployment.world.dump();
    let refused = |call: Call<'_>, status, code: &str| {
        let reply = call.send();
        assert_eq!((reply.status, reply.line.code), (status, Some(code)), "{}", reply.body);
        assert!(deployment.world.dump() == before, "rejected, but something changed");
        reply.body["pointer"].as_str().unwrap_or_default().to_owned()
    };
    let body = json!({ "hosts": [OWN] });
    let as_admin = || deployment.call("PATCH", "/v1/workspace").bearer(&acme.admin);
    refused(as_admin().json(&body), 403, "ROOT_ONLY");
    refused(as_admin().json(&json!({ "hosts": [] })), 403, "ROOT_ONLY");
    let page = || as_root(&deployment, "acme").header("origin", "https://elsewhere.example");
    refused(page().json(&body), 403, "ORIGIN_NOT_ALLOWED");
    for (more, at) in [
        (json!({ "hosts": [OWN], "name": "Acme" }), "/hosts"),
        (json!({ "hosts": [], "allowed_origins": [] }), "/hosts"),
        (json!({ "hosts": [OWN], "state": "active" }), "/state"),
    ] {
        assert_eq!(refused(as_root(&deployment, "acme").json(&more), 422, "INVALID_VALUE"), at);
    }
    let many: Vec<_> = (0..21).map(|number| format!("h{number}.example")).collect();
    for (hosts, at) in [
        (json!(null), "/hosts"),
        (json!(OWN), "/hosts"),
        (json!([OWN, "https://a.example"]), "/hosts/1"),
        (json!(["a.example/"]), "/hosts/0"),
        (json!(["*.example"]), "/hosts/0"),
        (json!([""]), "/hosts/0"),
        (json!([7]), "/hosts/0"),
        (json!(many), "/hosts"),
    ] {
        let call = as_root(&deployment, "acme").json(&json!({ "hosts": hosts }));
        assert_eq!(refused(call, 422, "INVALID_BODY"), at, "{hosts}");
    }
    set(&deployment, "acme", &json!(many.split_last().unwrap().1)).expect(200);
}

#[test]
fn an_interrupted_change_of_hosts_can_be_repeated() {
    // The calls: read the workspace, change the directory, change the workspace.
    for fault in [Fault::Before, Fault::After] {
        for call in 0..3 {
            let deployment = Deployment::new();
            let acme = account(&deployment, "acme");
            set(&deployment, "acme", &json!(["old.example"])).expect(200);
            deployment.world.inside().one_object_fails = Some((call, fault));
            assert_eq!(set(&deployment, "acme", &json!([OWN])).refused(503), "LEDGER_UNAVAILABLE");
            assert_eq!(set(&deployment, "acme", &json!([OWN])).expect(200)["hosts"], json!([OWN]));
            assert_eq!(hosts(&deployment, &acme), json!([OWN]));
            read_self(&deployment).expect(200);
            let other = account(&deployment, "other");
            set(&deployment, "other", &json!(["old.example"])).expect(200);
            assert_eq!(hosts(&deployment, &other), json!(["old.example"]), "the old one is free");
        }
    }
}

#[test]
fn a_deleted_workspace_releases_its_hosts() {
    let deployment = Deployment::new();
    let acme = account(&deployment, "acme");
    set(&deployment, "acme", &json!([OWN])).expect(200);
    let delete = deployment.call("DELETE", "/v1/workspace").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    delete.send().expect(202);
    assert_eq!(read_self(&deployment).refused(401), "UNKNOWN");
    assert_eq!(set(&deployment, "acme", &json!([OWN])).refused(404), "NOT_FOUND");
    account(&deployment, "other");
    assert_eq!(set(&deployment, "other", &json!([OWN])).refused(409), "ALREADY_EXISTS", "not gone yet");
    let key = WorkspaceKey::parse(&acme.key).unwrap();
    let release = Request::from(Release { slug: Slug::parse("acme").unwrap(), key });
    deployment.world.send_to_directory(&serde_json::to_vec(&release).unwrap());
    set(&deployment, "other", &json!([OWN])).expect(200);
    deployment.world.pass(KEPT);
    assert_eq!(read_self(&deployment).expect(200)["name"], "old");
}

#[test]
fn an_unreachable_directory_fails_closed_for_hosts() {
    let deployment = Deployment::new();
    account(&deployment, "acme");
    set(&deployment, "acme", &json!([OWN])).expect(200);
    deployment.world.inside().one_object_fails = Some((0, Fault::Before));
    assert_eq!(read_self(&deployment).refused(503), "LEDGER_UNAVAILABLE");
}
