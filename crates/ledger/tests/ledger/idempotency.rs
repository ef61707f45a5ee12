//! Idempotency keys: one effect, one reply.

use counterfoil_ledger::{Upkeep, native::When};
use counterfoil_protocol::{
    Answered, CommandError,
    command::{
        Actor, Ask, CreateClient, CreateMember, CreateToken, EraseMember, IdempotencyKey, ImportLine, ImportTokens,
        Request, RevokeToken, Role, RotateToken,
    },
    json, reply_json,
};

use counterfoil_token::Digest;

use crate::support::*;

fn key_of(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text.to_owned()).unwrap()
}

pub(crate) fn once<C: Ask>(
    world: &mut World,
    actor: Actor,
    under: &str,
    ask: C,
) -> Result<Answered<C::Reply>, CommandError> {
    let idempotency_key = Some(key_of(under));
    let request_id = "once".to_owned();
    let request = Request {
        workspace: key(),
        actor,
        request_id,
        address: None,
        idempotency_key,
        origin: None,
        if_version: None,
        wait: false,
        command: ask.into(),
    };
    let reply = world.handle(&serde_json::to_vec(&request).unwrap());
    let Answered { reply, repeated, safe_in, snapshots_until } = reply_json(&reply).unwrap()?;
    Ok(Answered { reply: json::read(reply).unwrap(), repeated, safe_in, snapshots_until })
}

#[test]
fn idempotency_keys_are_visible_ascii() {
    for good in ["a", "!~", &"k".repeat(255)] {
        assert!(IdempotencyKey::try_from(good.to_owned()).is_ok());
    }
    for bad in ["", "a b", "ä", "a\n", &"k".repeat(256)] {
        assert!(IdempotencyKey::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
}

#[test]
fn repeated_command_has_one_effect_and_omits_token_value() {
    let (mut world, admin) = World::founded();
    let first = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
    assert!(!first.repeated);
    let view = world.held(first.reply).view;
    let before = world.dump();
    world.wait(DAY - 1);
    for _ in 0..20 {
        let again = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
        assert!(again.repeated && again.reply.text.is_none());
        assert_eq!(again.reply.token, view);
    }
    assert_eq!(world.dump(), before);
}

#[test]
fn idempotency_key_is_not_stored() {
    let (mut world, admin) = World::founded();
    // A client may use a secret as its key.
    let secret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    let made = once(&mut world, admin.actor, secret, token(&["read"])).unwrap();
    world.held(made.reply);
    once(&mut world, admin.actor, secret, member("ann", &[])).unwrap();
    assert!(once(&mut world, admin.actor, secret, member("ann", &[])).unwrap().repeated);
    assert_eq!(world.number("SELECT count(*) FROM idempotency"), 2);
    assert!(!world.dump().contains(secret));
}

#[test]
fn idempotency_key_with_another_command_is_refused() {
    let (mut world, admin) = World::founded();
    let first = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
    world.held(first.reply);
    let before = world.dump();
    let other = CreateToken { name: "another".to_owned(), ..token(&["read"]) };
    assert_eq!(refused(once(&mut world, admin.actor, "k", other)), CommandError::IdempotencyMismatch);
    assert_eq!(world.dump(), before);
}

#[test]
fn idempotency_key_is_scoped_to_actor_and_command() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write"]);
    let mut texts = Vec::new();
    for actor in [admin.actor, ann.actor] {
        let made = once(&mut world, actor, "k", token(&[])).unwrap();
        assert!(!made.repeated);
        texts.push(world.held(made.reply).id.clone());
    }
    assert_ne!(texts[0], texts[1]);
    assert!(!once(&mut world, admin.actor, "k", member("bob", &[])).unwrap().repeated);
    let app = || CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
    assert!(!once(&mut world, admin.actor, "k", app()).unwrap().repeated);
    assert!(once(&mut world, admin.actor, "k", app()).unwrap().repeated);
    assert!(once(&mut world, admin.actor, "k", member("bob", &[])).unwrap().repeated);
}

#[test]
fn refused_command_stores_no_idempotent_reply() {
    let (mut world, admin) = World::founded();
    let before = world.dump();
    refused(once(&mut world, admin.actor, "k", token(&["unknown"])));
    assert_eq!(world.dump(), before);
    let made = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
    assert!(!made.repeated, "the key can still be used, also for another command");
    world.held(made.reply);
}

#[test]
fn failed_statement_stores_no_idempotent_reply() {
    let (mut world, admin) = World::founded();
    for when in [When::Before, When::After] {
        for statement in 1.. {
            let before = world.dump();
            world.ledger.sql().fail(Some((statement, when)));
            let outcome = once(&mut world, admin.actor, &format!("{when:?}"), token(&["read"]));
            let spared = world.ledger.sql().is_fault_ahead();
            world.ledger.sql().fail(None);
            if spared {
                world.held(outcome.unwrap().reply);
                break;
            }
            assert!(outcome.is_err());
            assert_eq!(world.dump(), before, "statement {statement} failed {when:?}");
        }
    }
}

#[test]
fn unauthenticated_actor_gets_no_idempotent_reply() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write"]);
    let made = once(&mut world, ann.actor, "k", token(&[])).unwrap();
    world.held(made.reply);
    world.call(admin.actor, RevokeToken { id: ann.id.clone(), reason: None }).unwrap();
    assert!(matches!(refused(once(&mut world, ann.actor, "k", token(&[]))), CommandError::Unauthenticated { .. }));
}

#[test]
fn idempotency_key_expires_after_a_day() {
    let (mut world, admin) = World::founded();
    let made = once(&mut world, admin.actor, "k", token(&[])).unwrap();
    world.held(made.reply);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(Some(START.plus(DAY))));
    world.wait(DAY);
    let made = once(&mut world, admin.actor, "k", CreateToken { name: "other".to_owned(), ..token(&[]) }).unwrap();
    assert!(!made.repeated);
    world.held(made.reply);
    world.wait(DAY);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
    assert_eq!(world.number("SELECT count(*) FROM idempotency"), 0);
}

#[test]
fn erasing_a_member_deletes_idempotent_replies() {
    let (mut world, admin) = World::founded();
    once(&mut world, admin.actor, "k", member("zoe", &["read"])).unwrap();
    let to_zoe = CreateToken { owner: Some("zoe".to_owned()), ..token(&["read"]) };
    let made = once(&mut world, admin.actor, "k", to_zoe).unwrap();
    world.held(made.reply);
    once(&mut world, admin.actor, "j", member("ann", &[])).unwrap();
    let namesake = CreateClient { id: "zoe".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
    once(&mut world, admin.actor, "j", namesake).unwrap();
    world.call(admin.actor, EraseMember { id: "zoe".to_owned() }).unwrap();
    let left = world.column("SELECT reply FROM idempotency");
    assert_eq!(left.len(), 2);
    assert!(format!("{left:?}").contains("ann"), "replies about other members remain");
}

/// Every repeatable command, by an actor whose rights are reduced after the first reply.
#[test]
fn idempotent_reply_is_refused_after_rights_were_reduced() {
    /// The right that is removed.
    #[derive(Clone, Copy, Debug)]
    enum Cut {
        Nothing,
        Scopes,
        OwnersGrants,
        Role,
    }

    #[track_caller]
    fn again<C: Ask>(world: &mut World, boss: &Held, cut: Cut, what: &str, ask: impl Fn() -> C) {
        // Ids are unique in a workspace, so each case has its own key and world.
        let first = once(world, boss.actor, what, ask()).unwrap();
        assert!(!first.repeated, "{what}");
        let id = boss.id.clone();
        match cut {
            Cut::Nothing => {}
            Cut::Scopes => world.meddle(&format!("UPDATE tokens SET scopes = '[]' WHERE id = '{id}'")),
            Cut::OwnersGrants => world.meddle("UPDATE members SET grants = '[]' WHERE id = 'boss'"),
            Cut::Role => world.meddle("UPDATE members SET role = 'member' WHERE id = 'boss'"),
        }
        let before = world.dump();
        let told = once(world, boss.actor, what, ask());
        match (cut, told) {
            (Cut::Nothing, told) => assert!(told.unwrap().repeated, "{what}"),
            // Every caller may see clients, and managers may see plain members.
            (Cut::Role, Ok(told)) => assert!(told.repeated && ["client", "member"].contains(&what), "{what}"),
            (Cut::Role, Err(refusal)) => {
                let as_if_it_came_now =
                    matches!(refusal, CommandError::Forbidden { .. } | CommandError::NotFound { .. });
                assert!(as_if_it_came_now, "{what}: {refusal:?}");
            }
            (_, Ok(_)) => panic!("{what}, {cut:?}: it was told"),
            (_, Err(refusal)) => assert!(matches!(refusal, CommandError::MissingScope { .. }), "{what}, {cut:?}"),
        }
        assert_eq!(world.dump(), before);
    }

    for cut in [Cut::Nothing, Cut::Scopes, Cut::OwnersGrants, Cut::Role] {
        for what in ["client", "member", "admin", "token", "rotation", "import"] {
            let (mut world, _) = World::founded();
            let all = ["tokens:write", "tokens:import", "workspace:manage", "read"];
            let admin = CreateMember { role: Role::Admin, ..member("boss", &all) };
            world.call(Actor::Root, admin).unwrap();
            let its = CreateToken { owner: Some("boss".to_owned()), ..token(&all) };
            let boss = world.issue(Actor::Root, its).unwrap();
            let ann = world.join("ann", &["read"]);
            let to_ann = || CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
            let world = &mut world;
            match what {
                "client" => again(world, &boss, cut, what, || CreateClient {
                    id: "app".to_owned(),
                    name: "App".to_owned(),
                    permissions: patterns(&["read"]),
                }),
                "member" => again(world, &boss, cut, what, || member("bob", &["read"])),
                "admin" => {
                    again(world, &boss, cut, what, || CreateMember { role: Role::Admin, ..member("bob", &["read"]) });
                }
                "token" => again(world, &boss, cut, what, to_ann),
                "rotation" => {
                    again(world, &boss, cut, what, || RotateToken {
                        id: ann.id.clone(),
                        grace_seconds: 0,
                        end_previous: false,
                    });
                }
                _ => again(world, &boss, cut, what, || ImportTokens {
                    lines: vec![ImportLine {
                        digest: Digest::of(b"theirs"),
                        weak: false,
                        length: None,
                        token: to_ann(),
                    }],
                }),
            }
        }
    }
}

#[test]
fn import_with_only_refused_lines_stores_no_reply() {
    let (mut world, admin) = World::founded();
    let line = ImportLine { digest: admin.digest, weak: false, length: None, token: token(&[]) };
    let before = world.dump();
    let done = once(&mut world, admin.actor, "k", ImportTokens { lines: vec![line] }).unwrap();
    assert!(done.reply.lines.iter().all(Result::is_err));
    assert_eq!(world.dump(), before);
}

/// Stores this many replies of this size for the member.
fn keep(world: &World, member: u64, answers: u64, bytes: u64) {
    world.meddle(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {answers})
         INSERT INTO idempotency (place, fingerprint, reply, created_at, member)
         SELECT randomblob(32), randomblob(32), '\"' || hex(zeroblob({bytes} / 2 - 1)) || '\"', {}, {member} FROM n",
        world.now.0
    ));
}

#[test]
fn stored_replies_are_limited_per_member() {
    const MOST: u64 = 8 * 1024 * 1024;
    // All but one reply by number, or by size: there is room for slightly more than the last one.
    for kept in [vec![(9_999, 2)], vec![(4, 1_900_000), (1, MOST - 4 * 1_900_000 - 1_000)]] {
        let (mut world, admin) = World::founded();
        let ann = world.join("ann", &["tokens:write", "read"]);
        let other = world.issue(ann.actor, token(&["tokens:write", "read"])).unwrap();
        let number = ann.owner.number;
        for (answers, bytes) in kept {
            keep(&world, number, answers, bytes);
        }
        world.wait(60_000);
        let room = once(&mut world, ann.actor, "last", token(&["read"])).unwrap();
        world.held(room.reply);
        let before = world.dump();
        for held in [&ann, &other] {
            let exceeded = CommandError::KeysExceeded { again_in: 24 * 3_600 - 60 };
            assert_eq!(refused(once(&mut world, held.actor, "more", token(&["read"]))), exceeded);
        }
        assert_eq!(world.dump(), before, "nothing was executed");
        // Stored replies are still returned, other members have their own limit, and commands without a key succeed.
        assert!(once(&mut world, ann.actor, "last", token(&["read"])).unwrap().repeated);
        let made = once(&mut world, admin.actor, "more", token(&["read"])).unwrap();
        world.held(made.reply);
        world.issue(ann.actor, token(&["read"])).unwrap();
        world.wait(DAY - 60_000);
        while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
        let made = once(&mut world, ann.actor, "more", token(&["read"])).unwrap();
        world.held(made.reply);
        let counted = "SELECT rows FROM spent WHERE what = 'idempotency' AND member = ";
        assert_eq!(world.number(&format!("{counted}{number}")), 2);
    }
}

#[test]
fn stored_reply_count_of_member_stays_correct() {
    let (mut world, admin) = World::founded();
    for round in 0..3 {
        // The same key each day: a new reply replaces the expired one before it is swept.
        let made = once(&mut world, admin.actor, "k", token(&["read"])).unwrap();
        world.held(made.reply);
        once(&mut world, Actor::Root, "k", member(&format!("m{round}"), &[])).unwrap();
        let spent = "SELECT sum(rows) || ' ' || sum(bytes) FROM spent WHERE what = 'idempotency'";
        let there = "SELECT count(*) || ' ' || sum(length(CAST(reply AS BLOB))) FROM idempotency";
        assert_eq!(world.column(spent), world.column(there));
        world.wait(DAY);
    }
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
    assert_eq!(world.number("SELECT count(*) FROM spent WHERE what = 'idempotency'"), 0);
}

#[test]
fn import_reply_is_stored_compactly_and_restored() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET default_quota = 100000");
    let line = |index: usize| ImportLine {
        // Every other line is a known digest or names an unknown member or scope.
        digest: if index % 4 == 1 { admin.digest } else { Digest::of(&index.to_be_bytes()) },
        weak: false,
        length: None,
        token: token(if index % 4 == 3 { &["nobody:knows:it"] } else { &["read"] }),
    };
    let import = || ImportTokens { lines: (0..2_000).map(line).collect() };
    let first = once(&mut world, admin.actor, "k", import()).unwrap().reply;
    assert_eq!(first.lines.iter().filter(|line| line.is_ok()).count(), 1_000);
    // Tokens that other commands create in between are not part of the reply.
    world.issue(admin.actor, token(&[])).unwrap();
    let again = once(&mut world, admin.actor, "k", import()).unwrap();
    assert!(again.repeated && again.reply == first);
    let bytes = world.number("SELECT length(reply) FROM idempotency");
    assert!(bytes < 20_000, "{bytes} bytes for 2,000 lines");

    // An earlier version stored the reply itself.
    let old = serde_json::to_string(&first).unwrap();
    let set = "UPDATE idempotency SET reply = ?";
    counterfoil_ledger::sql::Sql::exec(world.ledger.sql(), set, &[old.into()]).unwrap();
    let again = once(&mut world, admin.actor, "k", import()).unwrap();
    assert!(again.repeated && again.reply == first);
}
