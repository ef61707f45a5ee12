//! Creating a workspace takes three steps in two places. If it is interrupted at any step, it can be repeated.

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ROOT, Reply, text},
    world::Fault,
};

/// The steps: the directory reserves the slug, the ledger creates the workspace, the directory confirms the slug.
const STEPS: u32 = 3;

fn create(deployment: &Deployment) -> Reply {
    deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "acme", "name": "Acme" }))
}

/// The tokens that ledgers have created.
fn minted(deployment: &Deployment) -> Vec<String> {
    let inside = deployment.world.inside();
    let replies = inside.replies.iter().map(|reply| serde_json::from_slice::<Value>(reply).unwrap());
    replies.filter_map(|reply| Some(reply.pointer("/ok/admin/text")?.as_str()?.to_owned())).collect()
}

#[test]
fn an_interrupted_workspace_creation_can_be_repeated() {
    for (step, fault) in
        (0..STEPS).flat_map(|step| [(step, Fault::Before), (step, Fault::After), (step, Fault::Garbled)])
    {
        let deployment = Deployment::new();
        deployment.world.inside().one_object_fails = Some((step, fault));
        let broken = create(&deployment);
        assert_eq!(
            (broken.status, broken.line.ledger_calls),
            (if fault == Fault::Garbled { 500 } else { 503 }, step + 1)
        );
        let repeated = create(&deployment);
        let live = if step == STEPS - 1 && fault != Fault::Before {
            // Everything was done, and only the response was lost. Root has the workspace, and creates a token itself.
            assert_eq!(repeated.refused(409), "ALREADY_EXISTS");
            let body = json!({ "name": "", "owner": "admin", "scopes": ["*"] });
            let call = deployment.call("POST", "/v1/tokens").bearer(ROOT).header("x-counterfoil-workspace", "acme");
            text(&call.json(&body).send().expect(201), "/token")
        } else {
            let shown = text(&repeated.expect(201), "/token/token");
            for never_shown in minted(&deployment).iter().filter(|token| **token != shown) {
                assert_eq!(deployment.get(never_shown, "/v1/tokens/self").refused(401), "REVOKED");
            }
            shown
        };
        deployment.get(&live, "/v1/tokens/self").expect(200);
        assert_eq!(deployment.world.ledgers_alive(), 1, "{step} {fault:?}");
        assert_eq!(create(&deployment).refused(409), "ALREADY_EXISTS");
        deployment.get(&live, "/v1/tokens/self").expect(200);
        assert_eq!(deployment.world.dump().matches("slugs: ").count(), 1);
    }
}

#[test]
fn a_reserved_slug_resolves_to_no_workspace() {
    let deployment = Deployment::new();
    deployment.world.inside().one_object_fails = Some((2, Fault::Before));
    assert_eq!(create(&deployment).status, 503);
    let call = deployment.call("GET", "/v1/members").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    assert_eq!(call.send().refused(404), "NOT_FOUND");
}

#[test]
fn workspaces_get_unique_keys_and_the_requested_prefix() {
    let deployment = Deployment::new();
    let create = |slug: &str, prefix: &str| {
        let body = json!({ "slug": slug, "name": slug, "prefix": prefix });
        deployment.post(ROOT, "/v1/workspaces", &body).expect(201)
    };
    let (one, two) = (create("one", "one"), create("two", "t_w_o"));
    for (created, prefix) in [(&one, "one"), (&two, "t_w_o")] {
        let token = text(created, "/token/token");
        assert!(token.starts_with(&format!("{prefix}_{}", text(created, "/workspace/key"))));
        deployment.get(&token, "/v1/tokens/self").expect(200);
    }
    assert_ne!(one["workspace"]["key"], two["workspace"]["key"]);
}
