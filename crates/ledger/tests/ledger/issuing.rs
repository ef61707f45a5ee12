//! Creating tokens: their properties, and what an actor cannot grant.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateMember, CreateToken, Lifetime, PutScopes, ReadSelf, RevokeToken, Role, ScopeEntry, State},
    command_error::{ForbiddenCode, InvalidCode},
};
use counterfoil_token::{Digest, Presented};
use counterfoil_verify::{AddressBlock, ScopePattern, Timestamp};
use serde_json::{Map, Value, json};

use crate::support::*;

const ESCALATION: ForbiddenCode = ForbiddenCode::Escalation;

fn metadata(json: Value) -> Option<Map<String, Value>> {
    json.as_object().cloned()
}

fn blocks(texts: &[&str]) -> Vec<AddressBlock> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn created_token_matches_request() {
    let (mut world, admin) = World::founded();
    let ask = CreateToken {
        name: "ünïcödé \0 🎫".to_owned(),
        note: Some("a note".to_owned()),
        owner: None,
        scopes: patterns(&["orders:read", "*", "orders:read"]),
        lifetime: Lifetime::Until(START.plus(DAY)),
        not_before: Some(START.plus(1)),
        enabled: true,
        allowed_addresses: blocks(&["2001:db8::/32", "192.0.2.0/24"]),
        client_id: None,
        metadata: metadata(json!({"team": "a", "list": [1, 2.5, null]})),
    };
    let issued = world.call(admin.actor, ask).unwrap();
    let text = issued.text.as_ref().unwrap().expose().to_owned();
    assert!(matches!(Presented::parse(text.as_bytes()), Ok(Presented::Ours(_))));
    let held = world.held(issued);
    assert_eq!(held.digest, Digest::of(text.as_bytes()));
    assert_eq!(held.hint, format!("cft_…{}", &text[text.len() - 4..]));
    assert!(held.id.starts_with("tok_") && held.id.len() == 26);
    assert_eq!((held.number, held.owner.id.as_str(), held.created_at), (2, "admin", START));
    assert_eq!(held.created_by, admin.id);
    assert_eq!((held.name.as_str(), held.note.as_deref()), ("ünïcödé \0 🎫", Some("a note")));
    assert_eq!(held.scopes.iter().map(ScopePattern::as_str).collect::<Vec<_>>(), ["*", "orders:read"]);
    assert_eq!(held.effective_scopes, held.scopes);
    assert_eq!((held.state, held.enabled), (State::Pending, true));
    assert_eq!((held.expires_at, held.not_before), (Some(START.plus(DAY)), Some(START.plus(1))));
    assert_eq!(held.allowed_addresses, blocks(&["2001:db8::/32", "192.0.2.0/24"]));
    assert_eq!(held.metadata, metadata(json!({"team": "a", "list": [1, 2.5, null]})));
    assert_eq!((held.client_id.clone(), held.last_used_at, held.revoked_at), (None, None, None));
    // The epoch of the seal secret is stored.
    let epoch = world.seal_secrets[0].epoch().to_string();
    assert_eq!(world.column("SELECT seal_epoch FROM tokens WHERE number = 2"), [epoch.into()]);
}

#[test]
fn token_state_depends_on_time() {
    let (mut world, admin) = World::founded();
    let ask =
        CreateToken { lifetime: Lifetime::Seconds(10), not_before: Some(START.plus(5_000)), ..token(&["tokens:read"]) };
    let id = world.issue(admin.actor, ask).unwrap().id.clone();
    let state = |world: &mut World| {
        world.call(Actor::Root, counterfoil_protocol::command::ReadToken { id: id.clone() }).unwrap().state
    };
    assert_eq!(state(&mut world), State::Pending);
    world.wait(5_000);
    assert_eq!(state(&mut world), State::Active);
    world.wait(5_000);
    assert_eq!(state(&mut world), State::Expired);
    world.meddle("UPDATE tokens SET enabled = 0");
    assert_eq!(state(&mut world), State::Disabled);
    world.meddle("UPDATE members SET revoked_before = 1000");
    assert_eq!(state(&mut world), State::Revoked);
}

#[test]
fn token_numbers_rise_and_are_not_reused() {
    let (mut world, admin) = World::founded();
    let issue = |world: &mut World| world.issue(admin.actor, token(&[])).unwrap().number;
    assert_eq!((issue(&mut world), issue(&mut world)), (2, 3));
    world.meddle("DELETE FROM tokens WHERE number = 3");
    assert_eq!(issue(&mut world), 4);
}

#[test]
fn token_scopes_must_exist() {
    let (mut world, admin) = World::founded();
    let mut ask = |scopes: &[&str]| world.call(admin.actor, token(scopes));
    assert_invalid(ask(&["reed"]), InvalidCode::UnknownScope, "/scopes/0");
    assert_invalid(ask(&["read", "orders.read"]), InvalidCode::UnknownScope, "/scopes/1");
    assert_invalid(ask(&["read", "write", "stock:*"]), InvalidCode::UnknownScope, "/scopes/2");
    assert_invalid(ask(&["read:*"]), InvalidCode::UnknownScope, "/scopes/0");
    for known in [&["*"][..], &["orders:*"], &["tokens:*"], &["snapshots:read", "read"], &[]] {
        assert!(ask(known).is_ok(), "{known:?}");
    }
}

#[test]
fn admin_only_scopes_are_unknown_to_other_members() {
    let (mut world, _) = World::founded();
    let scopes = vec![ScopeEntry { visible_to: Role::Admin, ..entry("secret:thing") }, entry("read")];
    world.call(Actor::Root, PutScopes { scopes }).unwrap();
    let held = world.join("ann", &["*"]);
    for hidden in ["secret:thing", "secret:*"] {
        assert_invalid(world.call(held.actor, token(&[hidden])), InvalidCode::UnknownScope, "/scopes/0");
        let unknown = refused(world.call(held.actor, token(&["nothing:here"]))).to_string();
        let answer = refused(world.call(held.actor, token(&[hidden]))).to_string();
        assert_eq!(answer.replace(hidden, ""), unknown.replace("nothing:here", ""));
    }
}

#[test]
fn token_cannot_create_token_with_more_scopes() {
    let (mut world, _) = World::founded();
    world.join("ann", &["tokens:write", "orders:*", "read"]);
    let ask = CreateToken { owner: Some("ann".to_owned()), ..token(&["tokens:write", "orders:read", "write"]) };
    // A token cannot be created with scopes that its owner is not granted.
    let owners = "The scope write is not covered by the granted scopes of the token's owner.";
    assert_forbidden(world.call(Actor::Root, ask), ESCALATION, owners);
    let ask = CreateToken { owner: Some("ann".to_owned()), ..token(&["tokens:write", "orders:read"]) };
    let held = world.issue(Actor::Root, ask).unwrap();
    assert!(world.call(held.actor, token(&["orders:read"])).is_ok());
    for beyond in ["orders:write", "orders:*", "read", "*"] {
        let sentence = format!("The scope {beyond} is more than your credential can grant.");
        assert_forbidden(world.call(held.actor, token(&["orders:read", beyond])), ESCALATION, &sentence);
    }
    // A token's wildcard counts only as far as its owner is granted it.
    world.meddle("UPDATE tokens SET scopes = '[\"*\"]' WHERE owner = 2");
    assert!(world.call(held.actor, token(&["orders:*"])).is_ok());
    let sentence = "The scope write is more than your credential can grant.";
    assert_forbidden(world.call(held.actor, token(&["write"])), ESCALATION, sentence);
}

#[test]
fn tokens_grant_allows_granting_owners_scopes() {
    let (mut world, _) = World::founded();
    let grants = ["tokens:write", "tokens:grant", "orders:*", "read"];
    world.join("ann", &grants);
    let ask = CreateToken { owner: Some("ann".to_owned()), ..token(&["tokens:write", "tokens:grant"]) };
    let held = world.issue(Actor::Root, ask).unwrap();
    assert!(world.call(held.actor, token(&grants)).is_ok());
    let sentence = "The scope write is more than your credential can grant.";
    assert_forbidden(world.call(held.actor, token(&["write"])), ESCALATION, sentence);
    // `tokens:grant` is effective only while the owner has it.
    world.meddle("UPDATE members SET grants = '[\"tokens:write\", \"orders:*\"]' WHERE id = 'ann'");
    let sentence = "The scope orders:read is more than your credential can grant.";
    assert_forbidden(world.call(held.actor, token(&["orders:read"])), ESCALATION, sentence);
}

#[test]
fn only_admins_can_grant_reserved_scopes() {
    let (mut world, admin) = World::founded();
    let held = world.join("ann", &["*"]);
    let scopes = vec![ScopeEntry { grantable_by: Role::Admin, ..entry("orders:write") }, entry("orders:read")];
    world.call(Actor::Root, PutScopes { scopes }).unwrap();
    for reserved in ["orders:write", "orders:*", "*"] {
        let sentence = format!("The scope {reserved} is reserved: only an admin can grant it.");
        assert_forbidden(world.call(held.actor, token(&[reserved])), ESCALATION, &sentence);
        assert!(world.call(admin.actor, token(&[reserved])).is_ok());
    }
    assert!(world.call(held.actor, token(&["orders:read", "tokens:*"])).is_ok());
}

#[test]
fn only_admins_create_tokens_for_other_members() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write", "read"]);
    world.join("bob", &["read"]);
    let to = |owner: &str| CreateToken { owner: Some(owner.to_owned()), ..token(&["read"]) };
    // The error for other members does not reveal whether they exist.
    for other in ["bob", "admin", "nobody"] {
        let sentence = "Only an admin can create tokens for other members.";
        assert_forbidden(world.call(ann.actor, to(other)), ForbiddenCode::NotYours, sentence);
    }
    assert_eq!(world.issue(ann.actor, to("ann")).unwrap().owner.id, "ann");
    for actor in [admin.actor, Actor::Root] {
        assert_eq!(world.issue(actor, to("bob")).unwrap().owner.id, "bob");
        assert_invalid(world.call(actor, to("nobody")), InvalidCode::UnknownMember, "/owner");
        let beyond = CreateToken { owner: Some("bob".to_owned()), ..token(&["read", "write"]) };
        let sentence = "The scope write is not covered by the granted scopes of the token's owner.";
        assert_forbidden(world.call(actor, beyond), ESCALATION, sentence);
    }
    assert_invalid_value(world.call(Actor::Root, token(&[])), "/owner");
}

#[test]
fn expiration_is_in_future_and_within_creating_tokens() {
    let (mut world, admin) = World::founded();
    let lasting = |lifetime| CreateToken { lifetime, ..token(&["tokens:write", "read"]) };
    let end = |outcome: Result<Held, CommandError>| outcome.unwrap().expires_at;
    let last = Timestamp(253_402_300_799_999);
    for (lifetime, at) in [
        (Lifetime::Until(START), "/expires_at"),
        (Lifetime::Until(Timestamp(0)), "/expires_at"),
        (Lifetime::Until(last.plus(1)), "/expires_at"),
        (Lifetime::Until(Timestamp(u64::MAX)), "/expires_at"),
        (Lifetime::Seconds(0), "/expires_in"),
        (Lifetime::Seconds(251_639_300_800), "/expires_in"),
        (Lifetime::Seconds(u64::MAX), "/expires_in"),
    ] {
        assert_invalid_value(world.call(admin.actor, lasting(lifetime)), at);
    }
    assert_eq!(end(world.issue(admin.actor, lasting(Lifetime::Until(last)))), Some(last));
    assert_eq!(end(world.issue(admin.actor, lasting(Lifetime::Longest))), None);
    let short = world.issue(admin.actor, lasting(Lifetime::Seconds(60))).unwrap();
    let its_end = START.plus(60_000);
    assert_eq!(short.expires_at, Some(its_end));

    // Without `tokens:grant`, no token outlives the token that creates it.
    world.wait(10_000);
    assert_eq!(end(world.issue(short.actor, lasting(Lifetime::Longest))), Some(its_end));
    assert_eq!(end(world.issue(short.actor, lasting(Lifetime::Until(its_end)))), Some(its_end));
    assert_eq!(end(world.issue(short.actor, lasting(Lifetime::Seconds(50)))), Some(its_end));
    for longer in [Lifetime::Until(its_end.plus(1)), Lifetime::Seconds(51)] {
        let sentence = "The new token cannot expire later than the token that creates it.";
        assert_forbidden(world.call(short.actor, lasting(longer)), ESCALATION, sentence);
    }
    let granting = CreateToken { scopes: patterns(&["tokens:*"]), ..lasting(Lifetime::Seconds(60)) };
    let granting = world.issue(admin.actor, granting).unwrap();
    assert_eq!(end(world.issue(granting.actor, lasting(Lifetime::Longest))), None);
}

#[test]
fn not_before_precedes_expiration() {
    let (mut world, admin) = World::founded();
    let ask = |start, lifetime| CreateToken { not_before: Some(start), lifetime, ..token(&["tokens:write"]) };
    for start in [START.plus(1_000), START.plus(1_001), Timestamp(u64::MAX)] {
        assert_invalid_value(world.call(admin.actor, ask(start, Lifetime::Seconds(1))), "/not_before");
    }
    assert_invalid_value(world.call(admin.actor, ask(Timestamp(u64::MAX), Lifetime::Longest)), "/not_before");
    let short = world.issue(admin.actor, ask(START, Lifetime::Seconds(1))).unwrap();
    // Also if the expiration is the creating token's.
    assert_invalid_value(world.call(short.actor, ask(START.plus(1_000), Lifetime::Longest)), "/not_before");
    assert!(world.call(short.actor, ask(START.plus(999), Lifetime::Longest)).is_ok());
}

#[test]
fn cidr_ranges_lie_within_creating_tokens() {
    let (mut world, admin) = World::founded();
    let from = |addresses: &[&str]| CreateToken { allowed_addresses: blocks(addresses), ..token(&["tokens:write"]) };
    let bound = world.issue(admin.actor, from(&["192.0.2.0/24", "2001:db8::/32"])).unwrap();
    world.address = "192.0.2.9".parse().ok();
    let mut addresses = |asked: &[&str]| world.issue(bound.actor, from(asked)).map(|held| held.view.allowed_addresses);
    assert_eq!(addresses(&[]).unwrap(), blocks(&["192.0.2.0/24", "2001:db8::/32"]));
    let within = ["192.0.2.128/25", "2001:db8:1::/48", "192.0.2.0/24"];
    assert_eq!(addresses(&within).unwrap(), blocks(&within));
    for outside in ["192.0.0.0/16", "192.0.3.0/24", "::/0", "0.0.0.0/0"] {
        let sentence =
            format!("The IP range {outside} is not within the allowed addresses of the token making this request.");
        assert_forbidden(addresses(&["192.0.2.1", outside]), ESCALATION, &sentence);
    }
    // With `tokens:grant`, from any address.
    let granting = CreateToken { scopes: patterns(&["tokens:*"]), ..from(&["192.0.2.0/24"]) };
    let granting = world.issue(admin.actor, granting).unwrap();
    assert_eq!(world.issue(granting.actor, from(&[])).unwrap().allowed_addresses, []);
}

#[test]
fn created_token_is_labelled_with_creating_tokens_client() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE tokens SET client_id = 'console'");
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(held.client_id.as_deref(), Some("console"));
    let ask = CreateToken { owner: Some("admin".to_owned()), ..token(&["read"]) };
    assert_eq!(world.issue(Actor::Root, ask).unwrap().client_id, None);
}

#[test]
fn token_fields_are_validated() {
    let (mut world, admin) = World::founded();
    let plain = || token(&["read"]);
    let deep = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    let mut invalid = |ask, at| assert_invalid_value(world.call(admin.actor, ask), at);
    invalid(CreateToken { name: "n".repeat(201), ..plain() }, "/name");
    invalid(CreateToken { note: Some("n".repeat(1_001)), ..plain() }, "/note");
    invalid(token(&["read"; 101]), "/scopes");
    invalid(CreateToken { allowed_addresses: blocks(&["::1"; 101]), ..plain() }, "/allowed_addresses");
    invalid(CreateToken { metadata: metadata(json!({"a": "x".repeat(4_089)})), ..plain() }, "/metadata");
    invalid(CreateToken { metadata: metadata(deep(33)), ..plain() }, "/metadata");

    let full = CreateToken {
        name: "ä".repeat(200),
        note: Some("ä".repeat(1_000)),
        scopes: patterns(&["read"; 100]),
        allowed_addresses: blocks(&["::1"; 100]),
        metadata: metadata(json!({"a": "x".repeat(4_088)})),
        ..plain()
    };
    assert!(world.call(admin.actor, full).is_ok());
    // Metadata of the maximum depth can be read again, also in a list.
    let deepest = metadata(deep(32));
    world.call(admin.actor, CreateToken { metadata: deepest.clone(), ..plain() }).unwrap();
    let page = counterfoil_protocol::command::Page::default();
    let list = world.call(admin.actor, all_tokens(page)).unwrap();
    assert_eq!(list.items[0].metadata, deepest);
}

#[test]
fn token_quota_is_exact() {
    let (mut world, _) = World::founded();
    let ask = CreateMember { quota: Some(3), ..member("ann", &["tokens:write", "read"]) };
    world.call(Actor::Root, ask).unwrap();
    let to_ann = |lifetime, enabled| CreateToken {
        owner: Some("ann".to_owned()),
        lifetime,
        enabled,
        ..token(&["tokens:write", "read"])
    };
    let used_up = CommandError::QuotaExceeded { quota: 3, needed: 4 };
    let first = world.issue(Actor::Root, to_ann(Lifetime::Longest, true)).unwrap();
    world.issue(Actor::Root, to_ann(Lifetime::Seconds(10), true)).unwrap();
    // Disabled tokens and tokens that are not valid yet count.
    let asleep = CreateToken { not_before: Some(START.plus(DAY)), ..to_ann(Lifetime::Longest, false) };
    world.issue(Actor::Root, asleep).unwrap();
    for actor in [Actor::Root, first.actor] {
        assert_eq!(refused(world.call(actor, to_ann(Lifetime::Longest, true))), used_up);
    }
    world.wait(9_999);
    assert_eq!(refused(world.call(Actor::Root, to_ann(Lifetime::Longest, true))), used_up);
    // Expired and revoked tokens do not count.
    world.wait(1);
    world.issue(Actor::Root, to_ann(Lifetime::Longest, true)).unwrap();
    assert_eq!(refused(world.call(Actor::Root, to_ann(Lifetime::Longest, true))), used_up);
    world.call(first.actor, RevokeToken { id: first.id.clone(), reason: None }).unwrap();
    world.issue(Actor::Root, to_ann(Lifetime::Longest, true)).unwrap();
    assert_eq!(refused(world.call(Actor::Root, to_ann(Lifetime::Longest, true))), used_up);
    // Other members are not affected.
    assert!(world.call(Actor::Root, CreateToken { owner: Some("admin".to_owned()), ..token(&[]) }).is_ok());
}

#[test]
fn new_token_is_valid_immediately() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(world.call(held.actor, ReadSelf {}).unwrap(), held.view);
}
