//! Token usage: reports are added, whatever their order and clocks, and change nothing else.

use counterfoil_ledger::{Upkeep, sql::MAX_INTEGER};
use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateToken, DayOfUse, DeleteWorkspace, ListTokens, Page, ReadToken, ReadUsage, ReportUses, RevokeToken,
        RotateToken, SuspendWorkspace, Usage, Uses,
    },
    command_error::InvalidCode,
    rfc3339,
};
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use crate::support::*;

/// The day of `START`, which is at 02:13:20.
const TODAY: Timestamp = Timestamp(START.0 / DAY * DAY);

fn day(back: u64) -> Timestamp {
    Timestamp(TODAY.0 - back * DAY)
}

fn uses(digest: Digest, last_used_at: Timestamp, count: u32) -> Uses {
    Uses { digest, last_used_at, count }
}

fn report(world: &mut World, uses: Vec<Uses>) {
    world.call(Actor::Verifier, ReportUses { uses }).unwrap();
}

fn usage(world: &mut World, actor: Actor, id: &str, days: u32) -> Usage {
    world.call(actor, ReadUsage { id: id.to_owned(), days: Some(days) }).unwrap()
}

/// The counts of these days, oldest first.
fn counts(usage: &Usage) -> Vec<u64> {
    usage.items.iter().map(|day| day.uses).collect()
}

#[test]
fn usage_reports_are_added_and_change_nothing_else() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read"]);
    let rest = |world: &World| {
        let dump = world.dump();
        let lines = dump.lines().filter(|line| !line.starts_with("uses:") && !line.starts_with("tokens:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, version) = (rest(&world), record(&mut world, ann.digest).version);
    // Two isolates, one of which has passed midnight.
    let late = Timestamp(TODAY.0 - 1);
    report(&mut world, vec![uses(ann.digest, late, 5), uses(ann.digest, TODAY, 2), uses(admin.digest, TODAY, 1)]);
    report(&mut world, vec![uses(ann.digest, START, 10), uses(ann.digest, TODAY, 1)]);
    assert_eq!(
        usage(&mut world, admin.actor, &ann.id, 3),
        Usage {
            items: vec![
                DayOfUse { day: day(2), uses: 0 },
                DayOfUse { day: day(1), uses: 5 },
                DayOfUse { day: TODAY, uses: 13 },
            ],
            total: 18,
            last_used_at: Some(START),
        }
    );
    assert_eq!(counts(&usage(&mut world, admin.actor, &admin.id, 1)), [1]);
    assert_eq!(rest(&world), before, "no audit, no outbox, no generation");
    assert_eq!(record(&mut world, ann.digest).version, version);
}

#[test]
fn the_last_use_never_goes_back() {
    let (mut world, admin) = World::founded();
    let seen = |world: &mut World, at| {
        report(world, vec![uses(admin.digest, at, 1)]);
        world.call(admin.actor, ReadToken { id: admin.id.clone() }).unwrap().last_used_at
    };
    let earlier = Timestamp(START.0 - 1);
    assert_eq!(seen(&mut world, earlier), Some(earlier));
    assert_eq!(seen(&mut world, START), Some(START));
    assert_eq!(seen(&mut world, earlier), Some(START), "a late report");
    let both = vec![uses(admin.digest, earlier, 1), uses(admin.digest, day(3), 1)];
    report(&mut world, both);
    assert_eq!(usage(&mut world, admin.actor, &admin.id, 1).last_used_at, Some(START));
}

#[test]
fn usage_of_all_token_values_is_counted() {
    let (mut world, admin) = World::founded();
    let first = world.issue(admin.actor, token(&["read"])).unwrap();
    let id = first.id.clone();
    let mut texts = vec![first.digest];
    for grace_seconds in [60, 0] {
        let rotated =
            world.call(admin.actor, RotateToken { id: id.clone(), grace_seconds, end_previous: false }).unwrap();
        texts.push(world.held(rotated).digest);
    }
    report(&mut world, texts.iter().map(|text| uses(*text, START, 1)).collect());
    assert_eq!(counts(&usage(&mut world, admin.actor, &id, 1)), [3]);
    // A use before the revocation may be reported afterwards.
    world.call(admin.actor, RevokeToken { id: id.clone(), reason: None }).unwrap();
    world.call(Actor::Root, SuspendWorkspace { suspended: true }).unwrap();
    report(&mut world, vec![uses(texts[2], START, 4)]);
    world.call(Actor::Root, SuspendWorkspace { suspended: false }).unwrap();
    assert_eq!(counts(&usage(&mut world, admin.actor, &id, 1)), [7]);
}

#[test]
fn session_usage_counts_for_its_token() {
    let (mut world, admin) = World::founded();
    let Actor::Session(digest) = world.open(&admin).unwrap().actor else {
        panic!("a session is not counted separately")
    };
    report(&mut world, vec![uses(digest, START, 2), uses(admin.digest, START, 1)]);
    assert_eq!(counts(&usage(&mut world, admin.actor, &admin.id, 1)), [3]);
}

#[test]
fn token_list_includes_usage_of_each_token() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read"]);
    let bob = world.join("bob", &["read"]);
    report(&mut world, vec![uses(ann.digest, day(2), 7), uses(ann.digest, START, 3), uses(bob.digest, day(1), 4)]);
    report(&mut world, vec![uses(ann.digest, day(3), 90)]);
    let list = |world: &mut World, usage| {
        let page = Page { limit: Some(2), cursor: None };
        world.attempt(admin.actor, ListTokens { usage, ..all_tokens(page) })
    };
    let told = list(&mut world, Some(3)).unwrap().items.into_iter().map(|token| (token.number, token.daily_uses));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(bob.number, Some(vec![0, 4, 0])), (ann.number, Some(vec![7, 0, 3]))]);
    assert!(list(&mut world, None).unwrap().items.iter().all(|token| token.daily_uses.is_none()));
    for days in [0, 91] {
        let Err(CommandError::Invalid { code, pointer, .. }) = list(&mut world, Some(days)) else {
            panic!("{days} days")
        };
        assert_eq!((code, &*pointer), (InvalidCode::InvalidValue, "/usage"));
    }
}

#[test]
fn usage_of_unknown_digests_is_ignored() {
    let (mut world, admin) = World::founded();
    let before = world.dump();
    report(&mut world, Vec::new());
    report(&mut world, vec![uses(Digest::of(b"nobody's"), START, 1)]);
    assert_eq!(world.dump(), before);
    report(&mut world, vec![uses(Digest::of(b"nobody's"), START, 1), uses(admin.digest, START, 2)]);
    assert_eq!(world.column("SELECT count FROM uses"), [2_u64.into()]);
}

#[test]
fn usage_reports_require_verifier_and_are_limited() {
    let (mut world, admin) = World::founded();
    let ask = || ReportUses { uses: vec![uses(admin.digest, START, 1)] };
    for actor in [Actor::Root, admin.actor] {
        assert!(matches!(refused(world.call(actor, ask())), CommandError::Internal { .. }));
    }
    let many = |count| ReportUses { uses: vec![uses(admin.digest, START, u32::MAX); count] };
    assert_invalid(world.call(Actor::Verifier, many(1_001)), InvalidCode::InvalidValue, "/uses");
    world.call(Actor::Verifier, many(1_000)).unwrap();
    assert_eq!(counts(&usage(&mut world, admin.actor, &admin.id, 1)), [1_000 * u64::from(u32::MAX)]);
    // A count at its maximum does not change.
    world.meddle(&format!("UPDATE uses SET count = {MAX_INTEGER} - 1"));
    world.call(Actor::Verifier, many(1)).unwrap();
    assert_eq!(counts(&usage(&mut world, admin.actor, &admin.id, 1)), [MAX_INTEGER]);
}

#[test]
fn usage_with_wrong_clocks_is_corrected() {
    let (mut world, admin) = World::founded();
    for ahead in [1, DAY, 10_000 * DAY, MAX_INTEGER - START.0, u64::MAX - START.0] {
        report(&mut world, vec![uses(admin.digest, START.plus(ahead), 1)]);
    }
    let all = usage(&mut world, admin.actor, &admin.id, 1);
    assert_eq!((counts(&all), all.last_used_at), (vec![5], Some(START)), "a future time counts as now");
    let new = world.issue(admin.actor, token(&[])).unwrap();
    for back in [day(90), Timestamp(0)] {
        report(&mut world, vec![uses(new.digest, back, 1)]);
    }
    assert_eq!(usage(&mut world, admin.actor, &new.id, 90).last_used_at, None, "a day that is not kept is ignored");
    assert_eq!(world.number("SELECT count(*) FROM uses"), 1);
    report(&mut world, vec![uses(admin.digest, day(89), 7)]);
    let all = usage(&mut world, admin.actor, &admin.id, 90);
    assert_eq!((all.items[0], all.total), (DayOfUse { day: day(89), uses: 7 }, 12));
}

#[test]
fn reading_usage_requires_reading_the_token() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read", "tokens:read"]);
    let ben = world.join("ben", &["tokens:read"]);
    let to_ann = CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
    let blind = world.issue(admin.actor, to_ann).unwrap();
    report(&mut world, vec![uses(ann.digest, START, 3)]);
    let ask = |id: &str| ReadUsage { id: id.to_owned(), days: None };
    for actor in [admin.actor, ann.actor, Actor::Root] {
        let usage = world.call(actor, ask(&ann.id)).unwrap();
        assert_eq!((usage.items.len(), usage.total), (30, 3));
    }
    assert_missing(world.call(blind.actor, ask(&blind.id)), "tokens:read");
    assert_no_such(world.call(ben.actor, ask(&ann.id)), "token");
    assert_no_such(world.call(ben.actor, ask("tok_nobody")), "token");
    assert_missing(world.call(Actor::Verifier, ask(&ann.id)), "tokens:read");
    for days in [0, 91, u32::MAX] {
        let ask = ReadUsage { id: ann.id.clone(), days: Some(days) };
        assert_invalid_value(world.call(ann.actor, ask), "/days");
    }
}

#[test]
fn usage_is_kept_90_days_and_deleted_in_batches() {
    let (mut world, admin) = World::founded();
    // As after upkeep that found nothing else to do.
    report(&mut world, vec![uses(admin.digest, START, 1)]);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(Some(TODAY.plus(90 * DAY))));
    world.now = Timestamp(TODAY.0 + 90 * DAY - 1);
    assert_eq!(counts(&usage(&mut world, admin.actor, &admin.id, 90))[0], 1);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(Some(TODAY.plus(90 * DAY))));
    world.wait(1);
    assert_eq!(usage(&mut world, admin.actor, &admin.id, 90).total, 0);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
    assert_eq!(world.number("SELECT count(*) FROM uses"), 0);

    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO uses (day, token, count) SELECT 1000, i, 1 FROM n",
    );
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::More);
    assert_eq!(world.number("SELECT count(*) FROM uses"), 700);
    // Without other activity, reports alone limit the number of rows.
    for left in [201, 1, 1] {
        let now = world.now;
        report(&mut world, vec![uses(admin.digest, now, 1)]);
        assert_eq!(world.number("SELECT count(*) FROM uses"), left);
    }
}

#[test]
fn workspace_deletion_deletes_usage() {
    let (mut world, admin) = World::founded();
    report(&mut world, vec![uses(admin.digest, START, 1), uses(admin.digest, day(1), 1)]);
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    assert_no_such(world.call(Actor::Verifier, ReportUses { uses: Vec::new() }), "workspace");
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
    assert_eq!(world.number("SELECT count(*) FROM uses"), 0);
}

#[test]
fn usage_days_are_dates() {
    let (mut world, admin) = World::founded();
    let usage = usage(&mut world, admin.actor, &admin.id, 2);
    let json = serde_json::to_value(&usage).unwrap();
    let days: Vec<_> = json["items"].as_array().unwrap().iter().map(|item| item["day"].as_str().unwrap()).collect();
    assert_eq!(days, ["2025-11-12", "2025-11-13"]);
    assert!(rfc3339::format(START).starts_with("2025-11-13T"));
    assert_eq!(serde_json::from_value::<Usage>(json).unwrap(), usage);
}

#[test]
fn new_token_has_no_usage() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, CreateToken { name: "new".to_owned(), ..token(&[]) }).unwrap();
    let usage = usage(&mut world, admin.actor, &held.id, 90);
    assert_eq!((usage.items.len(), usage.total, usage.last_used_at), (90, 0, None));
}
