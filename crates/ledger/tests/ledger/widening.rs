//! Updates cannot bypass the rule against escalation: access that an update adds must be grantable by the actor in a
//! new token. Every actor that may change the token may reduce its access.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateToken, Lifetime, Patch, PutScopes, RevokeToken, Role, RotateToken, ScopeChange, ScopeEntry, State,
        UpdateMember, UpdateToken,
    },
    command_error::ForbiddenCode,
};
use counterfoil_verify::{AddressBlock, ScopePattern, Timestamp};
use serde_json::json;

use crate::{
    changes::{of_member, of_token as change},
    support::*,
};

const GRANTS: [&str; 6] = ["tokens:write", "tokens:read", "tokens:grant", "read", "write", "secret"];

fn blocks(texts: &[&str]) -> Vec<AddressBlock> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn metadata(team: &str) -> serde_json::Map<String, serde_json::Value> {
    json!({ "team": team }).as_object().cloned().unwrap()
}

/// A token of ann's with every kind of restriction.
fn bound() -> CreateToken {
    CreateToken {
        owner: Some("ann".to_owned()),
        enabled: false,
        lifetime: Lifetime::Seconds(1_000),
        not_before: Some(START.plus(500_000)),
        allowed_addresses: blocks(&["192.0.2.0/24"]),
        metadata: Some(metadata("a")),
        ..token(&["read", "write"])
    }
}

/// Named changes.
type Named = Vec<(&'static str, UpdateToken)>;

/// For each field: changes that add access and changes that do not. A new field does not compile until it is classified
/// here.
fn changes(id: &str) -> (Named, Named) {
    let UpdateToken {
        id: _,
        name: _,
        note: _,
        enabled: _,
        scopes: _,
        lifetime: _,
        not_before: _,
        allowed_addresses: _,
        metadata: _,
    } = change(id);
    let until = |seconds: u64| Patch::Set(Lifetime::Until(START.plus(seconds * 1_000)));
    let starts = |seconds: u64| Patch::Set(START.plus(seconds * 1_000));
    let from = |texts: &[&str]| Some(blocks(texts));
    let replace = |texts: &[&str]| Some(ScopeChange::Replace(patterns(texts)));
    let merge =
        |scope: &str, on| Some(ScopeChange::Merge([(ScopePattern::parse(scope).unwrap(), on)].into_iter().collect()));
    let more = vec![
        ("name", UpdateToken { name: Some("another".to_owned()), ..change(id) }),
        ("enabled", UpdateToken { enabled: Some(true), ..change(id) }),
        ("scopes: another list", UpdateToken { scopes: replace(&["write", "tokens:write"]), ..change(id) }),
        ("scopes: one more", UpdateToken { scopes: merge("tokens:write", true), ..change(id) }),
        ("lifetime: later", UpdateToken { lifetime: until(1_001), ..change(id) }),
        ("lifetime: in more seconds", UpdateToken { lifetime: Patch::Set(Lifetime::Seconds(1_001)), ..change(id) }),
        ("lifetime: none", UpdateToken { lifetime: Patch::Clear, ..change(id) }),
        ("not_before: earlier", UpdateToken { not_before: starts(499), ..change(id) }),
        ("not_before: none", UpdateToken { not_before: Patch::Clear, ..change(id) }),
        ("allowed_addresses: wider", UpdateToken { allowed_addresses: from(&["192.0.0.0/16"]), ..change(id) }),
        ("allowed_addresses: others", UpdateToken { allowed_addresses: from(&["198.51.100.0/24"]), ..change(id) }),
        ("allowed_addresses: anywhere", UpdateToken { allowed_addresses: from(&[]), ..change(id) }),
        ("metadata", UpdateToken { metadata: Patch::Set(metadata("b")), ..change(id) }),
        ("metadata: none", UpdateToken { metadata: Patch::Clear, ..change(id) }),
    ];
    let less = vec![
        ("note", UpdateToken { note: Patch::Set("seen".to_owned()), ..change(id) }),
        ("note: none", UpdateToken { note: Patch::Clear, ..change(id) }),
        ("name: the same", UpdateToken { name: Some("a token".to_owned()), ..change(id) }),
        ("enabled", UpdateToken { enabled: Some(false), ..change(id) }),
        ("scopes: fewer", UpdateToken { scopes: replace(&["write"]), ..change(id) }),
        ("scopes: one less", UpdateToken { scopes: merge("read", false), ..change(id) }),
        ("lifetime: sooner", UpdateToken { lifetime: until(999), ..change(id) }),
        ("not_before: later", UpdateToken { not_before: starts(501), ..change(id) }),
        ("allowed_addresses: fewer", UpdateToken { allowed_addresses: from(&["192.0.2.0/25"]), ..change(id) }),
        ("metadata: the same", UpdateToken { metadata: Patch::Set(metadata("a")), ..change(id) }),
    ];
    (more, less)
}

fn world() -> (World, Held) {
    let (mut world, admin) = World::founded();
    let secret = ScopeEntry { grantable_by: Role::Admin, ..entry("secret") };
    world.call(Actor::Root, PutScopes { scopes: vec![entry("read"), entry("write"), secret] }).unwrap();
    let _: Held = world.join("ann", &GRANTS);
    (world, admin)
}

fn of_ann(scopes: &[&str]) -> CreateToken {
    CreateToken { owner: Some("ann".to_owned()), ..token(scopes) }
}

#[track_caller]
fn assert_escalation<T>(outcome: Result<T, CommandError>, what: &str) {
    match outcome {
        Err(CommandError::Forbidden { code: ForbiddenCode::Escalation, .. }) => {}
        Err(other) => panic!("{what}: {other:?}"),
        Ok(_) => panic!("{what}: passed"),
    }
}

#[test]
fn widening_follows_escalation_rule_and_narrowing_is_free() {
    let (mut world, admin) = world();
    let weak = world.issue(Actor::Root, of_ann(&["tokens:write", "read"])).unwrap();
    let granting = world.issue(Actor::Root, of_ann(&["tokens:write", "tokens:grant"])).unwrap();
    let others = world.issue(admin.actor, token(&["tokens:write"])).unwrap();
    let (more, less) = changes("tok_x");
    for index in 0..more.len() {
        let held = world.issue(Actor::Root, bound()).unwrap();
        let ask = || changes(&held.id).0.swap_remove(index);
        let (what, _) = ask();
        assert_escalation(world.call(weak.actor, ask().1), what);
        // Nor together with a change that reduces access.
        let narrowing = UpdateToken { note: Patch::Set("n".to_owned()), ..ask().1 };
        assert_escalation(world.call(weak.actor, narrowing), what);
        assert_escalation(world.call(others.actor, ask().1), what);
        assert!(world.call(granting.actor, ask().1).is_ok(), "{what}: who may grant all of it may");
    }
    for index in 0..less.len() {
        let held = world.issue(Actor::Root, bound()).unwrap();
        let (what, ask) = changes(&held.id).1.swap_remove(index);
        assert!(world.call(weak.actor, ask).is_ok(), "{what}: takes nothing but away");
    }
}

#[test]
fn only_permitted_actors_enable_admin_disabled_token() {
    let (mut world, admin) = world();
    let weak = world.issue(Actor::Root, of_ann(&["tokens:write"])).unwrap();
    let held = world.issue(Actor::Root, of_ann(&["write"])).unwrap();
    let switch = |id: &str, on| UpdateToken { enabled: Some(on), ..change(id) };
    world.call(admin.actor, switch(&held.id, false)).unwrap();
    assert_escalation(world.call(weak.actor, switch(&held.id, true)), "re-enabled");
    assert_eq!(world.call(admin.actor, switch(&held.id, true)).unwrap().state, State::Active);
    // A token that it could create may be enabled and disabled.
    let equal = world.issue(Actor::Root, of_ann(&["tokens:write"])).unwrap();
    for on in [false, true] {
        world.call(weak.actor, switch(&equal.id, on)).unwrap();
    }
}

#[test]
fn restricted_actor_widens_only_within_own_limits() {
    let (mut world, _) = world();
    let weak = CreateToken {
        lifetime: Lifetime::Seconds(100),
        allowed_addresses: blocks(&["192.0.2.0/24"]),
        ..of_ann(&["tokens:write", "read"])
    };
    let weak = world.issue(Actor::Root, weak).unwrap();
    world.address = "192.0.2.1".parse().ok();
    let within = || CreateToken {
        lifetime: Lifetime::Seconds(50),
        allowed_addresses: blocks(&["192.0.2.0/25"]),
        enabled: false,
        ..of_ann(&["read"])
    };
    let held = world.issue(Actor::Root, within()).unwrap();
    let until = |seconds: u64| Patch::Set(Lifetime::Until(START.plus(seconds * 1_000)));
    let from = |texts: &[&str]| Some(blocks(texts));
    let id = &held.id;
    for (what, ask) in [
        ("outlives", UpdateToken { lifetime: until(101), ..change(id) }),
        ("endless", UpdateToken { lifetime: Patch::Clear, ..change(id) }),
        ("from elsewhere", UpdateToken { allowed_addresses: from(&["192.0.2.0/25", "198.51.100.1"]), ..change(id) }),
        ("from anywhere", UpdateToken { allowed_addresses: from(&[]), ..change(id) }),
    ] {
        assert_escalation(world.call(weak.actor, ask), what);
    }
    let ask = UpdateToken {
        enabled: Some(true),
        lifetime: until(100),
        allowed_addresses: from(&["192.0.2.0/24"]),
        ..change(id)
    };
    assert_eq!(world.call(weak.actor, ask).unwrap().state, State::Active);
    // It cannot enable a token that lives longer or has other addresses, even without touching these fields.
    for ask in [
        CreateToken { lifetime: Lifetime::Seconds(101), ..within() },
        CreateToken { allowed_addresses: blocks(&["192.0.0.0/16"]), ..within() },
        CreateToken { allowed_addresses: Vec::new(), ..within() },
    ] {
        let held = world.issue(Actor::Root, ask).unwrap();
        let on = UpdateToken { enabled: Some(true), ..change(&held.id) };
        assert_escalation(world.call(weak.actor, on), "enabled beyond the actor");
        // But it may set an earlier expiration and fewer addresses of any range.
        let less = UpdateToken { lifetime: until(49), allowed_addresses: from(&["192.0.2.9"]), ..change(&held.id) };
        world.call(weak.actor, less).unwrap();
    }
}

#[test]
fn admin_cannot_widen_token_beyond_own_grants() {
    let (mut world, admin) = world();
    let strong = world.issue(admin.actor, CreateToken { enabled: false, ..token(&["*"]) }).unwrap();
    world.call(Actor::Root, UpdateMember { role: Some(Role::Admin), ..of_member("ann") }).unwrap();
    for scopes in [&["tokens:write"][..], &["tokens:write", "tokens:grant"]] {
        let little = world.issue(Actor::Root, of_ann(scopes)).unwrap();
        let on = UpdateToken { enabled: Some(true), ..change(&strong.id) };
        assert_escalation(world.call(little.actor, on), "re-enabled");
        let marked = UpdateToken { metadata: Patch::Set(metadata("b")), ..change(&strong.id) };
        assert_escalation(world.call(little.actor, marked), "metadata");
        let rotation = RotateToken { id: strong.id.clone(), ..rotation() };
        assert_escalation(world.call(little.actor, rotation), "rotated");
        let off = UpdateToken { enabled: Some(false), note: Patch::Set("off".to_owned()), ..change(&strong.id) };
        world.call(little.actor, off).unwrap();
    }
    let little = world.issue(Actor::Root, of_ann(&["tokens:write"])).unwrap();
    world.call(little.actor, RevokeToken { id: strong.id.clone(), reason: None }).unwrap();
}

fn rotation() -> RotateToken {
    RotateToken { id: String::new(), grace_seconds: 0, end_previous: false }
}

#[test]
fn reserved_scopes_cannot_be_reactivated_or_rotated_by_members() {
    let (mut world, admin) = world();
    let granting = world.issue(Actor::Root, of_ann(&["tokens:write", "tokens:grant", "secret"])).unwrap();
    let held = world.issue(Actor::Root, CreateToken { enabled: false, ..of_ann(&["secret"]) }).unwrap();
    let on = || UpdateToken { enabled: Some(true), ..change(&held.id) };
    let rotation = || RotateToken { id: held.id.clone(), ..rotation() };
    assert_escalation(world.call(granting.actor, on()), "enabled");
    assert_escalation(world.call(granting.actor, rotation()), "rotated");
    assert!(world.call(admin.actor, on()).is_ok());
    assert!(world.call(admin.actor, rotation()).is_ok());
    // Rotating the token in use remains allowed.
    assert!(world.call(granting.actor, RotateToken { id: granting.id.clone(), ..rotation() }).is_ok());
}

#[test]
fn token_cannot_widen_own_cidr_ranges() {
    let (mut world, _) = world();
    let own = CreateToken { allowed_addresses: blocks(&["192.0.2.0/24"]), ..of_ann(&["tokens:write", "tokens:grant"]) };
    let own = world.issue(Actor::Root, own).unwrap();
    world.address = "192.0.2.1".parse().ok();
    let sentence = "A token cannot change its own scopes, expiration or allowed addresses. Use a different token.";
    for addresses in [&[][..], &["192.0.2.0/25"], &["192.0.0.0/16"]] {
        let ask = UpdateToken { allowed_addresses: Some(blocks(addresses)), ..change(&own.id) };
        assert_forbidden(world.call(own.actor, ask), ForbiddenCode::OwnToken, sentence);
    }
    let own_metadata =
        UpdateToken { metadata: Patch::Set(metadata("b")), name: Some("n".to_owned()), ..change(&own.id) };
    assert!(world.call(own.actor, own_metadata).is_ok(), "the actor could create such a token with any addresses");
    // A `not_before` in the past restricts nothing.
    let begun = UpdateToken { not_before: Patch::Set(Timestamp(START.0 - 1)), ..change(&own.id) };
    assert!(world.call(own.actor, begun).is_ok());
    let sooner = UpdateToken { not_before: Patch::Clear, ..change(&own.id) };
    assert!(world.call(own.actor, sooner).is_ok());
}

#[test]
fn bearer_cannot_rename_token_with_reserved_scopes() {
    let (mut world, _) = World::founded();
    let secret = ScopeEntry { grantable_by: Role::Admin, ..entry("secret") };
    world.call(Actor::Root, PutScopes { scopes: vec![secret, entry("read")] }).unwrap();
    world.call(Actor::Root, member("ann", &["tokens:write", "tokens:grant", "secret", "read"])).unwrap();
    for scopes in [&["tokens:write", "secret"][..], &["tokens:write", "tokens:grant", "secret"]] {
        let ask = || CreateToken { metadata: Some(metadata("a")), ..of_ann(scopes) };
        let own = world.issue(Actor::Root, ask()).unwrap();
        // It could not create such a token, with or without a new name.
        let detail = "The scope secret is reserved: only an admin can grant it.";
        let refusal = CommandError::Forbidden { code: ForbiddenCode::Escalation, detail: detail.to_owned() };
        assert_eq!(refused(world.call(own.actor, ask())), refusal);
        for change in [
            UpdateToken { metadata: Patch::Set(metadata("b")), ..change(&own.id) },
            UpdateToken { metadata: Patch::Clear, ..change(&own.id) },
            UpdateToken { name: Some("another".to_owned()), ..change(&own.id) },
        ] {
            assert_eq!(refused(world.call(own.actor, change)), refusal);
        }
        let note = UpdateToken { note: Patch::Set("seen".to_owned()), ..change(&own.id) };
        assert!(world.call(own.actor, note).is_ok(), "the note is not published");
        let off = UpdateToken { enabled: Some(false), ..change(&own.id) };
        assert!(world.call(own.actor, off).is_ok(), "the change reduces access");
    }
}
