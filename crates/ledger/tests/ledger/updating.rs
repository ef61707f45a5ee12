//! Updating tokens: allowed changes, refused changes, and their publication and audit.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateToken, Lifetime, Patch, PutScopes, ReadSelf, RevokeToken, Role, ScopeChange, ScopeEntry, State,
        TokenView, UpdateToken,
    },
    command_error::{ConflictCode, ForbiddenCode, InvalidCode},
};
use counterfoil_verify::{AddressBlock, Code, ScopePattern, Timestamp};
use serde_json::json;

use crate::{changes::of_token as change, support::*};

const ESCALATION: ForbiddenCode = ForbiddenCode::Escalation;

fn replace(id: &str, scopes: &[&str]) -> UpdateToken {
    UpdateToken { scopes: Some(ScopeChange::Replace(patterns(scopes))), ..change(id) }
}

fn merge(id: &str, scopes: &[(&str, bool)]) -> UpdateToken {
    let scopes = scopes.iter().map(|(text, on)| (ScopePattern::parse(text).unwrap(), *on));
    UpdateToken { scopes: Some(ScopeChange::Merge(scopes.collect())), ..change(id) }
}

fn lasting(id: &str, lifetime: Lifetime) -> UpdateToken {
    UpdateToken { lifetime: Patch::Set(lifetime), ..change(id) }
}

fn names(view: &TokenView) -> Vec<&str> {
    view.scopes.iter().map(ScopePattern::as_str).collect()
}

fn blocks(texts: &[&str]) -> Vec<AddressBlock> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn token_update_is_applied_published_and_audited() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.wait(7);
    let ask = UpdateToken {
        name: Some("renamed".to_owned()),
        note: Patch::Set("a note".to_owned()),
        enabled: Some(false),
        scopes: Some(ScopeChange::Replace(patterns(&["write", "orders:*"]))),
        lifetime: Patch::Set(Lifetime::Seconds(60)),
        not_before: Patch::Set(world.now.plus(5)),
        allowed_addresses: Some(blocks(&["192.0.2.0/24"])),
        metadata: Patch::Set(json!({"team": "a"}).as_object().cloned().unwrap()),
        ..change(&held.id)
    };
    let view = world.call(admin.actor, ask).unwrap();
    let expected = TokenView {
        name: "renamed".to_owned(),
        note: Some("a note".to_owned()),
        enabled: false,
        state: State::Disabled,
        scopes: patterns(&["write", "orders:*"]).into(),
        effective_scopes: patterns(&["write", "orders:*"]).into(),
        expires_at: Some(world.now.plus(60_000)),
        not_before: Some(world.now.plus(5)),
        allowed_addresses: blocks(&["192.0.2.0/24"]),
        metadata: json!({"team": "a"}).as_object().cloned(),
        version: held.version + 1,
        ..held.view.clone()
    };
    assert_eq!(view, expected);
    assert_published(&mut world, held.digest);
    assert_unauthenticated(world.call(held.actor, ReadSelf {}), Code::Disabled);

    // The audit log does not contain user-written text, only that it changed.
    let (before, after) = last_audit(&world, "token.update", &held.id);
    assert_eq!((&before["name"], &after["name"]), (&json!("…"), &json!("…")));
    assert_eq!((&before["note"], &after["note"]), (&json!(null), &json!("…")));
    assert_eq!((&before["metadata"], &after["metadata"]), (&json!(null), &json!("…")));
    assert_eq!((&before["scopes"], &after["scopes"]), (&json!(["read"]), &json!(["orders:*", "write"])));
    assert_eq!((&before["enabled"], &after["enabled"]), (&json!(true), &json!(false)));
    assert!(before.get("digest").is_none() && after.get("owner").is_none(), "only what changed: {after}");

    let clear = UpdateToken {
        note: Patch::Clear,
        enabled: Some(true),
        lifetime: Patch::Clear,
        not_before: Patch::Clear,
        allowed_addresses: Some(Vec::new()),
        metadata: Patch::Clear,
        ..change(&held.id)
    };
    let view = world.call(admin.actor, clear).unwrap();
    let scopes = expected.scopes;
    let effective_scopes = expected.effective_scopes;
    let version = expected.version + 1;
    let name = "renamed".to_owned();
    assert_eq!(view, TokenView { name, scopes, effective_scopes, version, ..held.view.clone() });
    assert!(world.call(held.actor, ReadSelf {}).is_ok());
    assert_published(&mut world, held.digest);
}

#[test]
fn token_update_without_difference_writes_nothing() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let before = world.dump();
    let same = UpdateToken {
        name: Some(held.name.clone()),
        enabled: Some(true),
        note: Patch::Clear,
        lifetime: Patch::Clear,
        ..replace(&held.id, &["read", "read"])
    };
    for ask in [change(&held.id), same, merge(&held.id, &[("read", true), ("write", false)])] {
        assert_eq!(world.call(admin.actor, ask).unwrap(), held.view);
        assert_eq!(world.dump(), before);
    }
}

#[test]
fn merging_scopes_adds_and_removes_only_named_ones() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read", "orders:read"])).unwrap();
    let view = world.call(admin.actor, merge(&held.id, &[("write", true), ("read", false)])).unwrap();
    assert_eq!(names(&view), ["orders:read", "write"]);
    let view = world.call(admin.actor, merge(&held.id, &[])).unwrap();
    assert_eq!(names(&view), ["orders:read", "write"]);
    let view = world.call(admin.actor, replace(&held.id, &[])).unwrap();
    assert_eq!(names(&view), [""; 0]);
    assert_published(&mut world, held.digest);
    // The pointer names the scope or its index.
    assert_invalid(
        world.call(admin.actor, merge(&held.id, &[("read", true), ("nope", true)])),
        InvalidCode::UnknownScope,
        "/scopes/nope",
    );
    let outcome = world.call(admin.actor, replace(&held.id, &["read", "nope"]));
    assert_invalid(outcome, InvalidCode::UnknownScope, "/scopes/1");
    // A scope that is removed need not exist.
    assert!(world.call(admin.actor, merge(&held.id, &[("nope", false)])).is_ok());
}

#[test]
fn scopes_are_limited_to_100_after_merging() {
    let (mut world, admin) = World::founded();
    let all: Vec<String> = (0..101).map(|n| format!("s{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    world.put_scopes(&all);
    let held = world.issue(admin.actor, token(&all[..100])).unwrap();
    assert_invalid_value(world.call(admin.actor, merge(&held.id, &[("s100", true)])), "/scopes");
    assert_invalid_value(world.call(admin.actor, replace(&held.id, &all)), "/scopes");
    assert!(world.call(admin.actor, merge(&held.id, &[("s100", true), ("s0", false)])).is_ok());
}

#[test]
fn token_update_follows_escalation_rule_of_new_tokens() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "tokens:grant", "read", "orders:read"]);
    let own = |scopes: &[&str]| CreateToken { owner: Some("ann".to_owned()), ..token(scopes) };
    let weak = world.issue(Actor::Root, own(&["tokens:write", "read"])).unwrap();
    let other = world.issue(Actor::Root, own(&["read", "orders:read"])).unwrap();
    let beyond = "The scope tokens:grant is more than your credential can grant.";
    for ask in [replace(&other.id, &["read", "tokens:grant"]), merge(&other.id, &[("tokens:grant", true)])] {
        assert_forbidden(world.call(weak.actor, ask), ESCALATION, beyond);
    }
    // Nor a scope that the actor has, if the token has more: the actor could not create the resulting token.
    let ask = replace(&other.id, &["orders:read", "tokens:write"]);
    let too_much = "The scope orders:read is more than your credential can grant.";
    assert_forbidden(world.call(weak.actor, ask), ESCALATION, too_much);
    // A scope that the token already has is not a grant, and may be removed.
    let view = world.call(weak.actor, replace(&other.id, &["orders:read"])).unwrap();
    assert_eq!(names(&view), ["orders:read"]);
    let view = world.call(ann.actor, merge(&other.id, &[("tokens:grant", true), ("tokens:write", true)])).unwrap();
    assert_eq!(names(&view), ["orders:read", "tokens:grant", "tokens:write"]);
    // Not even root grants more than the owner has.
    let owners = "The scope write is not covered by the granted scopes of the token's owner.";
    assert_forbidden(world.call(Actor::Root, merge(&other.id, &[("write", true)])), ESCALATION, owners);
    // Other members cannot grant scopes that are reserved for admins.
    let reserved = ScopeEntry { grantable_by: Role::Admin, ..entry("orders:read") };
    world.call(Actor::Root, PutScopes { scopes: vec![reserved, entry("read")] }).unwrap();
    let admins = "The scope orders:read is reserved: only an admin can grant it.";
    assert_forbidden(world.call(ann.actor, merge(&weak.id, &[("orders:read", true)])), ESCALATION, admins);
    assert!(world.call(admin.actor, merge(&weak.id, &[("orders:read", true)])).is_ok());
}

#[test]
fn token_cannot_change_own_scopes_or_expiration() {
    let (mut world, admin) = World::founded();
    let sentence = "A token cannot change its own scopes, expiration or allowed addresses. Use a different token.";
    let asks = || {
        [
            replace(&admin.id, &["*"]),
            merge(&admin.id, &[("read", false)]),
            lasting(&admin.id, Lifetime::Seconds(60)),
            UpdateToken { lifetime: Patch::Clear, ..change(&admin.id) },
        ]
    };
    for ask in asks() {
        assert_forbidden(world.call(admin.actor, ask), ForbiddenCode::OwnToken, sentence);
    }
    let named = UpdateToken { name: Some("mine".to_owned()), note: Patch::Set("n".to_owned()), ..change(&admin.id) };
    assert_eq!(world.call(admin.actor, named).unwrap().name, "mine");
    let other = world.issue(admin.actor, token(&["*"])).unwrap();
    for ask in asks() {
        assert!(world.call(other.actor, ask).is_ok(), "another token of the same member can");
    }
    let off = UpdateToken { enabled: Some(false), ..change(&other.id) };
    assert_eq!(world.call(other.actor, off).unwrap().state, State::Disabled);
    assert_unauthenticated(world.call(other.actor, ReadSelf {}), Code::Disabled);
}

#[test]
fn updated_times_lie_within_actors_and_workspace_limit() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let short = CreateToken { lifetime: Lifetime::Seconds(60), ..token(&["tokens:write", "read"]) };
    let short = world.issue(admin.actor, short).unwrap();
    let outlives = "The token would expire later than the token making this request.";
    // An earlier expiration is always allowed.
    assert!(world.call(short.actor, lasting(&held.id, Lifetime::Seconds(62))).is_ok());
    assert!(world.call(short.actor, lasting(&held.id, Lifetime::Seconds(61))).is_ok());
    assert_forbidden(world.call(short.actor, lasting(&held.id, Lifetime::Seconds(62))), ESCALATION, outlives);
    assert!(world.call(short.actor, lasting(&held.id, Lifetime::Seconds(59))).is_ok());
    assert!(world.call(short.actor, lasting(&held.id, Lifetime::Seconds(60))).is_ok());
    let endless = UpdateToken { lifetime: Patch::Clear, ..change(&held.id) };
    assert_forbidden(world.call(short.actor, endless), ESCALATION, outlives);
    for (lifetime, at) in [
        (Lifetime::Until(START), "/expires_at"),
        (Lifetime::Until(Timestamp(u64::MAX)), "/expires_at"),
        (Lifetime::Seconds(0), "/expires_in"),
    ] {
        assert_invalid_value(world.call(admin.actor, lasting(&held.id, lifetime)), at);
    }
    let starting = |start| UpdateToken { not_before: Patch::Set(start), ..change(&held.id) };
    assert_invalid_value(world.call(admin.actor, starting(START.plus(60_000))), "/not_before");
    assert!(world.call(admin.actor, starting(START.plus(59_999))).is_ok());
    // The expiration would precede `not_before`.
    assert_invalid_value(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(59))), "/not_before");

    // The workspace's maximum lifetime counts from the token's creation, regardless of the actor and the number of updates.
    world.meddle("UPDATE workspace SET max_lifetime = 100");
    world.wait(50_000);
    assert_invalid_value(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(51))), "/expires_in");
    let endless = UpdateToken { lifetime: Patch::Clear, ..change(&held.id) };
    assert_invalid_value(world.call(Actor::Root, endless), "/expires_at");
    assert!(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(50))).is_ok());
    let end = |outcome: Result<Held, CommandError>| outcome.unwrap().expires_at;
    assert_eq!(end(world.issue(admin.actor, token(&[]))), Some(world.now.plus(100_000)));
    let longer = CreateToken { lifetime: Lifetime::Seconds(101), ..token(&[]) };
    assert_invalid_value(world.call(admin.actor, longer), "/expires_in");
}

#[test]
fn updated_cidr_ranges_lie_within_actors() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let bound = CreateToken { allowed_addresses: blocks(&["192.0.2.0/24"]), ..token(&["tokens:write", "read"]) };
    let bound = world.issue(admin.actor, bound).unwrap();
    world.address = "192.0.2.9".parse().ok();
    let from = |asked: &[&str]| UpdateToken { allowed_addresses: Some(blocks(asked)), ..change(&held.id) };
    let sentence = "The token could be used from addresses that are not allowed for the token making this request.";
    // A smaller range is always allowed.
    assert!(world.call(bound.actor, from(&["192.0.2.0/25", "192.0.3.0/24"])).is_ok());
    assert!(world.call(bound.actor, from(&["192.0.2.0/25"])).is_ok());
    assert_forbidden(world.call(bound.actor, from(&["192.0.3.0/24"])), ESCALATION, sentence);
    assert_forbidden(world.call(bound.actor, from(&[])), ESCALATION, sentence);
    assert_eq!(world.call(bound.actor, from(&["192.0.2.0/24"])).unwrap().allowed_addresses, blocks(&["192.0.2.0/24"]));
    assert_eq!(world.call(admin.actor, from(&[])).unwrap().allowed_addresses, []);
}

#[test]
fn extended_expired_token_counts_towards_quota() {
    let (mut world, admin) = World::founded();
    let ask = CreateToken { lifetime: Lifetime::Seconds(10), ..token(&["read"]) };
    let held = world.issue(admin.actor, ask).unwrap();
    world.wait(10_000);
    world.meddle("UPDATE members SET quota = 1");
    let longer = || lasting(&held.id, Lifetime::Seconds(60));
    let used_up = CommandError::QuotaExceeded { quota: 1, needed: 2 };
    assert_eq!(refused(world.call(admin.actor, longer())), used_up);
    // An update that does not revive the token needs no quota.
    let named = UpdateToken { name: Some("over".to_owned()), ..change(&held.id) };
    assert_eq!(world.call(admin.actor, named).unwrap().state, State::Expired);
    world.meddle("UPDATE members SET quota = 2");
    assert_eq!(world.call(admin.actor, longer()).unwrap().state, State::Active);
    // Nor does one of a live token.
    world.meddle("UPDATE members SET quota = 0");
    assert!(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(61))).is_ok());
}

#[test]
fn revoked_token_cannot_be_updated() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let ask = UpdateToken { name: Some("back".to_owned()), ..change(&held.id) };
    assert_conflict(world.call(admin.actor, ask), ConflictCode::TokenRevoked);
}

#[test]
fn members_update_own_tokens() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "read"]);
    let bob = world.join("bob", &["read"]);
    let named = |id: &str| UpdateToken { name: Some("x".to_owned()), ..change(id) };
    assert_missing(world.call(bob.actor, named(&bob.id)), "tokens:write");
    for id in [admin.id.as_str(), &bob.id, "tok_none"] {
        assert_no_such(world.call(ann.actor, named(id)), "token");
    }
    assert!(world.call(ann.actor, named(&ann.id)).is_ok());
    assert!(world.call(admin.actor, named(&bob.id)).is_ok());
}

#[test]
fn updated_fields_are_validated() {
    let (mut world, admin) = World::founded();
    let id = &world.issue(admin.actor, token(&["read"])).unwrap().view.id;
    let mut invalid = |ask, at| assert_invalid_value(world.call(admin.actor, ask), at);
    invalid(UpdateToken { name: Some("n".repeat(201)), ..change(id) }, "/name");
    invalid(UpdateToken { note: Patch::Set("n".repeat(1_001)), ..change(id) }, "/note");
    invalid(UpdateToken { allowed_addresses: Some(blocks(&["::1"; 101])), ..change(id) }, "/allowed_addresses");
    let large = json!({"a": "x".repeat(4_089)}).as_object().cloned().unwrap();
    invalid(UpdateToken { metadata: Patch::Set(large), ..change(id) }, "/metadata");
    invalid(UpdateToken { not_before: Patch::Set(Timestamp(u64::MAX)), ..change(id) }, "/not_before");
}
