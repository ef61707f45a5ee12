//! Reading the audit log.

use counterfoil_protocol::command::{Actor, CreateToken, Page, ReadAudit, RevokeToken};
use serde_json::json;

use crate::support::*;

fn all() -> ReadAudit {
    ReadAudit { subject: None, actor: None, page: Page::default() }
}

fn by(actor: &str) -> ReadAudit {
    ReadAudit { actor: Some(actor.to_owned()), ..all() }
}

fn of(subject: &str) -> ReadAudit {
    ReadAudit { subject: Some(subject.to_owned()), ..all() }
}

fn actions(world: &mut World, actor: Actor, ask: ReadAudit) -> Vec<String> {
    let listing = world.call(actor, ask).unwrap();
    assert_eq!(listing.total, listing.items.len() as u64);
    listing.items.into_iter().map(|entry| entry.action).collect()
}

#[test]
fn audit_entry_contains_all_fields() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.wait(7);
    world.address = "2001:db8::1".parse().ok();
    let reason = Some("lost".to_owned());
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason }).unwrap();
    let entry = world.call(admin.actor, all()).unwrap().items.remove(0);
    assert_eq!((entry.at, entry.actor.as_str(), entry.action.as_str()), (START.plus(7), &*admin.id, "token.revoke"));
    assert_eq!((entry.subject.as_str(), entry.request_id.as_str()), (&*held.id, "native"));
    assert_eq!((entry.address, entry.before.unwrap()), (world.address, json!({ "revoked_at": null })));
    assert_eq!(entry.after.unwrap()["revoked_at"], json!(START.plus(7)));
    let oldest = world.call(admin.actor, all()).unwrap().items.pop().unwrap();
    assert_eq!((oldest.actor.as_str(), oldest.action.as_str(), oldest.before), ("root", "workspace.create", None));
}

#[test]
fn audit_log_is_filtered_by_subject_and_actor() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "audit:read"]);
    let own = world.issue(ann.actor, token(&[])).unwrap();
    world.call(admin.actor, RevokeToken { id: own.id.clone(), reason: None }).unwrap();
    assert_eq!(actions(&mut world, admin.actor, of(&own.id)), ["token.revoke", "token.create"]);
    assert_eq!(actions(&mut world, admin.actor, by(&ann.id)), ["token.create"]);
    assert_eq!(
        actions(&mut world, admin.actor, ReadAudit { subject: Some(own.id.clone()), ..by(&admin.id) }),
        ["token.revoke"]
    );
    let by_root = ["token.create", "member.create", "scopes.replace", "token.create", "workspace.create"];
    assert_eq!(actions(&mut world, admin.actor, by("root")), by_root);
    assert!(actions(&mut world, admin.actor, by("tok_nobody")).is_empty());
}

#[test]
fn members_see_own_actions_and_actions_on_own_tokens_in_audit_log() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "audit:read"]);
    let own = world.issue(ann.actor, token(&[])).unwrap();
    world.call(admin.actor, RevokeToken { id: own.id.clone(), reason: None }).unwrap();
    let other = world.issue(admin.actor, CreateToken { ..token(&["read"]) }).unwrap();
    assert_eq!(actions(&mut world, ann.actor, all()), ["token.revoke", "token.create", "token.create"]);
    assert!(actions(&mut world, ann.actor, of(&other.id)).is_empty());
    assert_eq!(actions(&mut world, ann.actor, by(&admin.id)), ["token.revoke"]);
    let plain = world.join("plain", &["tokens:read"]);
    assert_missing(world.call(plain.actor, all()), "audit:read");
}

#[test]
fn audit_pagination_is_stable_while_rows_are_added() {
    let (mut world, admin) = World::founded();
    for _ in 0..5 {
        world.issue(admin.actor, token(&[])).unwrap();
    }
    let page = |cursor| ReadAudit { page: Page { limit: Some(3), cursor }, ..all() };
    let first = world.call(admin.actor, page(None)).unwrap();
    world.issue(admin.actor, token(&[])).unwrap();
    let second = world.call(admin.actor, page(first.next_cursor)).unwrap();
    let seqs: Vec<_> = first.items.iter().chain(&second.items).map(|entry| entry.seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1), "{seqs:?}");
    assert_eq!((first.total, second.total), (8, 9));
}
