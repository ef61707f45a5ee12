//! Changing tokens: what changes, what nobody may change, and what verifiers and the audit learn of it.

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
fn a_token_becomes_what_was_asked_and_verifiers_and_audit_learn_of_it() {
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

    // What people wrote is not in the audit, only that it changed.
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
fn a_change_that_makes_no_difference_writes_nothing() {
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
fn merging_adds_and_takes_away_and_leaves_the_rest() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read", "orders:read"])).unwrap();
    let view = world.call(admin.actor, merge(&held.id, &[("write", true), ("read", false)])).unwrap();
    assert_eq!(names(&view), ["orders:read", "write"]);
    let view = world.call(admin.actor, merge(&held.id, &[])).unwrap();
    assert_eq!(names(&view), ["orders:read", "write"]);
    let view = world.call(admin.actor, replace(&held.id, &[])).unwrap();
    assert_eq!(names(&view), [""; 0]);
    assert_published(&mut world, held.digest);
    // The pointer names the scope, or its place.
    assert_invalid(
        world.call(admin.actor, merge(&held.id, &[("read", true), ("nope", true)])),
        InvalidCode::UnknownScope,
        "/scopes/nope",
    );
    let outcome = world.call(admin.actor, replace(&held.id, &["read", "nope"]));
    assert_invalid(outcome, InvalidCode::UnknownScope, "/scopes/1");
    // What is taken away need not exist.
    assert!(world.call(admin.actor, merge(&held.id, &[("nope", false)])).is_ok());
}

#[test]
fn a_hundred_scopes_are_the_most_also_when_merged() {
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
fn nobody_gives_a_token_more_than_a_new_one() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "tokens:grant", "read", "orders:read"]);
    let own = |scopes: &[&str]| CreateToken { owner: Some("ann".to_owned()), ..token(scopes) };
    let weak = world.issue(Actor::Root, own(&["tokens:write", "read"])).unwrap();
    let other = world.issue(Actor::Root, own(&["read", "orders:read"])).unwrap();
    let beyond = "The scope tokens:grant is more than the token presented may grant.";
    for ask in [replace(&other.id, &["read", "tokens:grant"]), merge(&other.id, &[("tokens:grant", true)])] {
        assert_forbidden(world.call(weak.actor, ask), ESCALATION, beyond);
    }
    // Nor what it has itself, where the token may do more already: it could issue none like the one that comes of it.
    let ask = replace(&other.id, &["orders:read", "tokens:write"]);
    let too_much = "The scope orders:read is more than the token presented may grant.";
    assert_forbidden(world.call(weak.actor, ask), ESCALATION, too_much);
    // What it has already is not given to it, and may be taken away.
    let view = world.call(weak.actor, replace(&other.id, &["orders:read"])).unwrap();
    assert_eq!(names(&view), ["orders:read"]);
    let view = world.call(ann.actor, merge(&other.id, &[("tokens:grant", true), ("tokens:write", true)])).unwrap();
    assert_eq!(names(&view), ["orders:read", "tokens:grant", "tokens:write"]);
    // Not even root gives more than the owner is granted.
    let owners = "The scope write is more than the token's owner is granted.";
    assert_forbidden(world.call(Actor::Root, merge(&other.id, &[("write", true)])), ESCALATION, owners);
    // And what only admins grant, others do not.
    let reserved = ScopeEntry { grantable_by: Role::Admin, ..entry("orders:read") };
    world.call(Actor::Root, PutScopes { scopes: vec![reserved, entry("read")] }).unwrap();
    let admins = "The scope orders:read is for admins to grant.";
    assert_forbidden(world.call(ann.actor, merge(&weak.id, &[("orders:read", true)])), ESCALATION, admins);
    assert!(world.call(admin.actor, merge(&weak.id, &[("orders:read", true)])).is_ok());
}

#[test]
fn nobody_changes_the_reach_of_the_token_they_are_using() {
    let (mut world, admin) = World::founded();
    let sentence = "Nobody changes the scopes, the expiry or the addresses of the token they are using.";
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
        assert!(world.call(other.actor, ask).is_ok(), "another token of the same member may");
    }
    let off = UpdateToken { enabled: Some(false), ..change(&other.id) };
    assert_eq!(world.call(other.actor, off).unwrap().state, State::Disabled);
    assert_unauthenticated(world.call(other.actor, ReadSelf {}), Code::Disabled);
}

#[test]
fn times_lie_within_the_actors_and_the_workspaces() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let short = CreateToken { lifetime: Lifetime::Seconds(60), ..token(&["tokens:write", "read"]) };
    let short = world.issue(admin.actor, short).unwrap();
    let outlives = "The token would outlive the token presented.";
    // Sooner than it was it may end whenever anybody likes.
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
    // The end moves before the beginning.
    assert_invalid_value(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(59))), "/not_before");

    // A workspace's maximum counts from the token's issue, whoever asks and however often.
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
fn addresses_lie_within_the_actors() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let bound = CreateToken { allowed_addresses: blocks(&["192.0.2.0/24"]), ..token(&["tokens:write", "read"]) };
    let bound = world.issue(admin.actor, bound).unwrap();
    world.address = "192.0.2.9".parse().ok();
    let from = |asked: &[&str]| UpdateToken { allowed_addresses: Some(blocks(asked)), ..change(&held.id) };
    let sentence = "The token may be used from addresses that the token presented may not.";
    // From fewer than before it may be used whichever they are.
    assert!(world.call(bound.actor, from(&["192.0.2.0/25", "192.0.3.0/24"])).is_ok());
    assert!(world.call(bound.actor, from(&["192.0.2.0/25"])).is_ok());
    assert_forbidden(world.call(bound.actor, from(&["192.0.3.0/24"])), ESCALATION, sentence);
    assert_forbidden(world.call(bound.actor, from(&[])), ESCALATION, sentence);
    assert_eq!(world.call(bound.actor, from(&["192.0.2.0/24"])).unwrap().allowed_addresses, blocks(&["192.0.2.0/24"]));
    assert_eq!(world.call(admin.actor, from(&[])).unwrap().allowed_addresses, []);
}

#[test]
fn an_expired_token_that_is_given_time_counts_again() {
    let (mut world, admin) = World::founded();
    let ask = CreateToken { lifetime: Lifetime::Seconds(10), ..token(&["read"]) };
    let held = world.issue(admin.actor, ask).unwrap();
    world.wait(10_000);
    world.meddle("UPDATE members SET quota = 1");
    let longer = || lasting(&held.id, Lifetime::Seconds(60));
    let used_up = CommandError::QuotaExceeded { quota: 1, needed: 2 };
    assert_eq!(refused(world.call(admin.actor, longer())), used_up);
    // What does not revive it needs no room.
    let named = UpdateToken { name: Some("over".to_owned()), ..change(&held.id) };
    assert_eq!(world.call(admin.actor, named).unwrap().state, State::Expired);
    world.meddle("UPDATE members SET quota = 2");
    assert_eq!(world.call(admin.actor, longer()).unwrap().state, State::Active);
    // One that is alive needs none either.
    world.meddle("UPDATE members SET quota = 0");
    assert!(world.call(admin.actor, lasting(&held.id, Lifetime::Seconds(61))).is_ok());
}

#[test]
fn a_revoked_token_stays_as_it_is() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let ask = UpdateToken { name: Some("back".to_owned()), ..change(&held.id) };
    assert_conflict(world.call(admin.actor, ask), ConflictCode::TokenRevoked);
}

#[test]
fn members_change_their_own() {
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
fn fields_have_limits() {
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
