//! Rotation: a token keeps its identity when its value is replaced.

use counterfoil_protocol::{
    command::{Actor, CreateToken, Lifetime, ReadSelf, RevokeToken, RotateToken, State, TokenView, UpdateToken},
    command_error::{ConflictCode, ForbiddenCode},
};
use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, Code, Timestamp};
use serde_json::json;

use crate::{changes::of_token, support::*};

fn ask(held: &Held, grace_seconds: u64) -> RotateToken {
    RotateToken { id: held.id.clone(), grace_seconds, end_previous: false }
}

/// The same, and ends the grace periods of earlier rotations.
fn ask_to_end(held: &Held, grace_seconds: u64) -> RotateToken {
    RotateToken { end_previous: true, ..ask(held, grace_seconds) }
}

/// Rotates and returns the token with its new value.
fn rotate(world: &mut World, actor: Actor, held: &Held, grace: u64) -> Held {
    let rotated = world.call(actor, ask(held, grace)).unwrap();
    assert_eq!(rotated.previous_valid_until, Some(world.now.plus(grace * 1_000)));
    world.held(rotated)
}

fn code(world: &mut World, digest: Digest) -> Code {
    match world.call(Actor::Token(digest), ReadSelf {}) {
        Ok(_) => Code::Valid,
        Err(counterfoil_protocol::CommandError::Unauthenticated { code }) => code,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn rotation_replaces_token_value_and_keeps_token() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.wait(5);
    let new = rotate(&mut world, admin.actor, &held, 0);
    let (digest, hint) = (new.digest, new.hint.clone());
    assert_ne!((digest, &hint), (held.digest, &held.hint));
    let version = held.version + 1;
    assert_eq!(new.view, TokenView { digest, hint, version, ..held.view.clone() });
    assert_eq!((code(&mut world, held.digest), code(&mut world, digest)), (Code::Revoked, Code::Valid));
    assert_published(&mut world, held.digest);
    assert_published(&mut world, digest);
    let record = record(&mut world, held.digest);
    assert!(record.revoked, "the record is expired, whatever a verifier's clock says");
    assert_eq!(record.replaced_until, Some(Timestamp(0)));

    let (before, after) = last_audit(&world, "token.rotate", &held.id);
    assert_eq!((&before["digest"], &after["digest"]), (&json!(held.digest), &json!(digest)));
    assert_eq!(after["previous_valid_until"], json!(counterfoil_protocol::rfc3339::format(world.now)));
    assert_eq!(world.number("SELECT count(*) FROM tokens"), 2);
    world.now = START;
    assert_eq!(code(&mut world, held.digest), Code::Revoked, "setting the clock back does not revive it");
}

#[test]
fn both_token_values_are_valid_during_grace_period() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let new = rotate(&mut world, admin.actor, &held, 60);
    assert_published(&mut world, held.digest);
    // In its grace period the old value authenticates the same token.
    assert_eq!(world.call(held.actor, ReadSelf {}).unwrap(), new.view);
    world.wait(59_999);
    assert_eq!((code(&mut world, held.digest), code(&mut world, new.digest)), (Code::Valid, Code::Valid));
    world.wait(1);
    assert_eq!((code(&mut world, held.digest), code(&mut world, new.digest)), (Code::Revoked, Code::Valid));
    world.wait(1_000 * DAY);
    assert_eq!(code(&mut world, held.digest), Code::Revoked, "it remains known");
}

#[test]
fn later_rotation_keeps_promised_grace_period() {
    let (mut world, admin) = World::founded();
    let first = world.issue(admin.actor, token(&["read"])).unwrap();
    let second = rotate(&mut world, admin.actor, &first, 3_600);
    world.wait(1);
    let third = rotate(&mut world, admin.actor, &second, 60);
    // Without a grace period only the current value ends.
    let fourth = rotate(&mut world, admin.actor, &third, 0);
    let texts = [&first, &second, &third, &fourth];
    let codes = |world: &mut World| texts.map(|text| code(world, text.digest));
    assert_eq!(codes(&mut world), [Code::Valid, Code::Valid, Code::Revoked, Code::Valid]);
    for text in texts {
        assert_published(&mut world, text.digest);
    }
    world.wait(60_000);
    assert_eq!(codes(&mut world), [Code::Valid, Code::Revoked, Code::Revoked, Code::Valid]);
    world.now = START.plus(3_599_999);
    assert_eq!(code(&mut world, first.digest), Code::Valid, "valid until the end of the grace period");
    world.wait(1);
    assert_eq!(code(&mut world, first.digest), Code::Revoked);
}

/// Independent clients that rotate the same token each get a correct expiration.
#[test]
fn concurrent_rotations_keep_each_grace_period() {
    let (mut world, admin) = World::founded();
    let mut held = world.issue(admin.actor, token(&["read"])).unwrap();
    let mut promises = Vec::new();
    for grace in [40, 10, 0, 30, 20, 0, 50] {
        let previous = held.digest;
        let rotated = world.call(admin.actor, ask(&held, grace)).unwrap();
        promises.push((previous, rotated.previous_valid_until.unwrap()));
        held = world.held(rotated);
        world.wait(7);
    }
    for second in 0..60 {
        world.now = START.plus(second * 1_000 + 49);
        for (digest, until) in &promises {
            let expected = if world.now < *until { Code::Valid } else { Code::Revoked };
            assert_eq!(code(&mut world, *digest), expected, "valid until {until:?} as promised, now {:?}", world.now);
        }
    }
}

#[test]
fn rotation_ends_previous_token_values_on_request() {
    let (mut world, admin) = World::founded();
    let first = world.issue(admin.actor, token(&["read"])).unwrap();
    let second = rotate(&mut world, admin.actor, &first, 600);
    let third = rotate(&mut world, admin.actor, &second, 600);
    world.wait(1);
    let rotated = world.call(admin.actor, ask_to_end(&third, 60)).unwrap();
    let fourth = world.held(rotated);
    assert_eq!(last_audit(&world, "token.rotate", &first.id).1["previous_ended"], 2);
    let texts = [&first, &second, &third, &fourth];
    let codes = texts.map(|text| code(&mut world, text.digest));
    assert_eq!(
        codes,
        [Code::Revoked, Code::Revoked, Code::Valid, Code::Valid],
        "the current value gets its grace period"
    );
    for text in texts {
        assert_published(&mut world, text.digest);
    }
    let rotated = world.call(admin.actor, ask_to_end(&fourth, 0)).unwrap();
    let fifth = world.held(rotated);
    let codes = [&third, &fourth, &fifth].map(|text| code(&mut world, text.digest));
    assert_eq!(codes, [Code::Revoked, Code::Revoked, Code::Valid]);
    assert_eq!(record(&mut world, first.digest).replaced_until, Some(Timestamp(0)));
    world.now = START;
    assert_eq!(code(&mut world, first.digest), Code::Revoked, "setting the clock back does not revive it");
}

#[test]
fn token_has_at_most_eight_valid_values() {
    let (mut world, admin) = World::founded();
    let mut held = world.issue(admin.actor, token(&["read"])).unwrap();
    let mut texts = vec![held.digest];
    for nth in 0..7 {
        held = rotate(&mut world, admin.actor, &held, 100 - nth);
        texts.push(held.digest);
    }
    assert!(texts.iter().all(|text| code(&mut world, *text) == Code::Valid));
    let refused = refused(world.call(admin.actor, ask(&held, 60)));
    let detail = refused.to_string();
    assert_conflict(Err::<(), _>(refused), ConflictCode::TooManyTexts);
    let until = counterfoil_protocol::rfc3339::format(START.plus(94_000));
    assert!(detail.contains(&until), "the detail says until when: {detail}");
    // A leaked value can still be ended immediately without affecting the others.
    let last = rotate(&mut world, admin.actor, &held, 0);
    assert!(texts[..7].iter().all(|text| code(&mut world, *text) == Code::Valid));
    assert_eq!(code(&mut world, held.digest), Code::Revoked);
    assert_conflict(world.call(admin.actor, ask(&last, 60)), ConflictCode::TooManyTexts);
    world.wait(94_000);
    let last = rotate(&mut world, admin.actor, &last, 60);
    assert_conflict(world.call(admin.actor, ask(&last, 60)), ConflictCode::TooManyTexts);
    let ended = world.call(admin.actor, ask_to_end(&last, 60)).unwrap();
    let ended = world.held(ended);
    rotate(&mut world, admin.actor, &ended, 60);
}

#[test]
fn later_changes_apply_to_both_token_values() {
    let (mut world, admin) = World::founded();
    let first = world.issue(admin.actor, token(&["read"])).unwrap();
    let second = rotate(&mut world, admin.actor, &first, 600);
    let switch = |on| UpdateToken { enabled: Some(on), ..of_token(&first.id) };
    for (on, expected) in [(false, Code::Disabled), (true, Code::Valid)] {
        world.call(admin.actor, switch(on)).unwrap();
        for text in [&first, &second] {
            assert_eq!(code(&mut world, text.digest), expected);
            assert_published(&mut world, text.digest);
        }
    }
    world.call(admin.actor, RevokeToken { id: first.id.clone(), reason: None }).unwrap();
    for text in [&first, &second] {
        assert_eq!(code(&mut world, text.digest), Code::Revoked);
        assert_published(&mut world, text.digest);
        assert!(record(&mut world, text.digest).revoked);
    }
}

#[test]
fn revoking_all_tokens_includes_values_in_grace_period() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read"]);
    let new = rotate(&mut world, admin.actor, &ann, 600);
    let generation = world.number("SELECT generation FROM workspace");
    world.meddle(&format!("UPDATE members SET revoked_before = {} WHERE id = 'ann'", generation + 1));
    for text in [&ann, &new] {
        assert_eq!(code(&mut world, text.digest), Code::Revoked);
    }
    assert_conflict(world.call(admin.actor, ask(&ann, 0)), ConflictCode::TokenRevoked);
}

#[test]
fn token_can_rotate_itself_but_not_by_replaced_value() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:write", "read"]);
    let second = rotate(&mut world, ann.actor, &ann, 600);
    let sentence = "A rotation replaced the token value that you present, so it cannot change anything. Present the \
        token's current value.";
    assert_forbidden(world.call(ann.actor, ask(&second, 600)), ForbiddenCode::ReplacedText, sentence);
    let third = rotate(&mut world, second.actor, &second, 600);
    let codes = [&ann, &second, &third].map(|text| code(&mut world, text.digest));
    assert_eq!(codes, [Code::Valid; 3]);
    // Also after its owner lost scopes, because it receives the new value itself.
    world.meddle("UPDATE members SET grants = '[\"tokens:write\"]' WHERE id = 'ann'");
    rotate(&mut world, third.actor, &third, 0);
    let bob = world.join("bob", &["read"]);
    assert_missing(world.call(bob.actor, ask(&bob, 0)), "tokens:write");
}

#[test]
fn rotating_more_privileged_token_is_refused() {
    let (mut world, admin) = World::founded();
    world.join("ann", &["tokens:write", "tokens:grant", "read", "write"]);
    let of_ann = |scopes: &[&str]| CreateToken { owner: Some("ann".to_owned()), ..token(scopes) };
    let blocks = |text: &str| vec![text.parse::<AddressBlock>().unwrap()];
    let weak = CreateToken {
        lifetime: Lifetime::Seconds(60),
        allowed_addresses: blocks("192.0.2.0/24"),
        ..of_ann(&["tokens:write", "read"])
    };
    let within = || CreateToken {
        lifetime: Lifetime::Seconds(60),
        allowed_addresses: blocks("192.0.2.0/25"),
        ..of_ann(&["read"])
    };
    let actor = world.issue(Actor::Root, weak).unwrap();
    world.address = "192.0.2.1".parse().ok();
    let (outlives, elsewhere) = (
        "The token would expire later than the token making this request.",
        "The token could be used from addresses that are not allowed for the token making this request.",
    );
    let stronger = [
        (
            CreateToken { scopes: patterns(&["read", "write"]), ..within() },
            "The scope write is more than your credential can grant.",
        ),
        (CreateToken { lifetime: Lifetime::Seconds(61), ..within() }, outlives),
        (CreateToken { lifetime: Lifetime::Longest, ..within() }, outlives),
        (CreateToken { allowed_addresses: blocks("192.0.0.0/16"), ..within() }, elsewhere),
        (CreateToken { allowed_addresses: Vec::new(), ..within() }, elsewhere),
    ];
    let granting = world.issue(Actor::Root, of_ann(&["tokens:write", "tokens:grant"])).unwrap();
    for (ask_for, sentence) in stronger {
        let held = world.issue(Actor::Root, ask_for).unwrap();
        assert_forbidden(world.call(actor.actor, ask(&held, 0)), ForbiddenCode::Escalation, sentence);
        rotate(&mut world, granting.actor, &held, 0);
    }
    let held = world.issue(Actor::Root, within()).unwrap();
    rotate(&mut world, actor.actor, &held, 0);
    assert_no_such(world.call(actor.actor, ask(&admin, 0)), "token");

    // Not even an admin with `tokens:grant`, if the other member is granted more.
    let sentence = "The scope * is more than your credential can grant.";
    world.meddle("UPDATE members SET role = 'admin' WHERE id = 'ann'");
    assert_forbidden(world.call(granting.actor, ask(&admin, 0)), ForbiddenCode::Escalation, sentence);
}

#[test]
fn expired_or_revoked_token_cannot_be_rotated() {
    let (mut world, admin) = World::founded();
    let short = CreateToken { lifetime: Lifetime::Seconds(1), enabled: false, ..token(&["read"]) };
    let short = world.issue(admin.actor, short).unwrap();
    let gone = world.issue(admin.actor, token(&[])).unwrap();
    rotate(&mut world, admin.actor, &short, 0);
    world.wait(1_000);
    assert_conflict(world.call(admin.actor, ask(&short, 0)), ConflictCode::TokenExpired);
    world.call(admin.actor, RevokeToken { id: gone.id.clone(), reason: None }).unwrap();
    assert_conflict(world.call(admin.actor, ask(&gone, 0)), ConflictCode::TokenRevoked);
}

#[test]
fn grace_period_is_limited_to_30_days() {
    let (mut world, admin) = World::founded();
    let month = 30 * 24 * 60 * 60;
    for longer in [month + 1, u64::MAX] {
        assert_invalid_value(world.call(admin.actor, ask(&admin, longer)), "/grace_seconds");
    }
    rotate(&mut world, admin.actor, &admin, month);
}

#[test]
fn rotation_does_not_count_towards_quota() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE members SET quota = 1");
    let new = rotate(&mut world, admin.actor, &admin, 60);
    assert_eq!(new.state, State::Active);
}

#[test]
fn rotation_stores_seal_epoch_of_new_value() {
    let (mut world, admin) = World::founded();
    let newer = counterfoil_token::SealSecret::new(&[8; 32]).unwrap();
    let epochs = [newer.epoch().to_string(), world.seal_secrets[0].epoch().to_string()];
    world.seal_secrets.insert(0, newer);
    rotate(&mut world, admin.actor, &admin, 60);
    assert_eq!(world.column("SELECT seal_epoch FROM tokens"), [epochs[0].as_str().into()]);
    assert_eq!(world.column("SELECT seal_epoch FROM replaced_texts"), [epochs[1].as_str().into()]);
}
