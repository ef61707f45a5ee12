//! Waiting until no verifier relies any more on what was before.

use counterfoil_ledger::native::{Seeded, When};
use counterfoil_protocol::{
    Answered, CommandError,
    command::{
        Actor, Ask, CreateToken, GetScopes, IdempotencyKey, ReadSelf, Request, RevokeToken, RotateToken,
        UpdateWorkspace,
    },
    reply_json,
};
use counterfoil_verify::Timestamp;

use super::granted;
use crate::{changes::of_workspace, engine::TemporaryFile, support::*};

/// Has a command carried out and says what its envelope does.
fn send<C: Ask>(
    world: &mut World,
    wait: bool,
    under: Option<&str>,
    ask: C,
) -> Result<(bool, Option<u64>), CommandError> {
    let request = Request {
        workspace: key(),
        actor: Actor::Root,
        request_id: "waiting".to_owned(),
        address: None,
        idempotency_key: under.map(|key| IdempotencyKey::try_from(key.to_owned()).unwrap()),
        origin: None,
        if_version: None,
        wait,
        command: ask.into(),
    };
    let reply = world.handle(&serde_json::to_vec(&request).unwrap());
    let Answered { repeated, safe_in, .. } = reply_json(&reply).unwrap()?;
    Ok((repeated, safe_in))
}

/// In how many milliseconds what was before counts for nobody.
fn safe_in(world: &mut World) -> u64 {
    send(world, true, None, GetScopes {}).unwrap().1.unwrap()
}

fn set_lease(world: &mut World, seconds: u64) {
    world.call(Actor::Root, UpdateWorkspace { lease_max: Some(seconds), ..of_workspace() }).unwrap();
}

/// A workspace where no lease was granted yet.
fn settled() -> World {
    let (mut world, _) = World::founded();
    world.wait(1_000);
    assert_eq!(safe_in(&mut world), 0);
    world
}

/// Instances of one ledger: each remembers only what it granted itself.
struct Instances(TemporaryFile);

impl Instances {
    fn of(name: &str) -> (Self, World) {
        let instances = Self(TemporaryFile::new(name));
        let mut first = instances.open(START);
        let admin = first.call(Actor::Root, bootstrap()).unwrap().admin;
        first.held(admin);
        (instances, first)
    }

    fn open(&self, now: Timestamp) -> World {
        let mut world = World::over(self.0.sql());
        world.now = now;
        world
    }
}

#[test]
fn where_no_lease_runs_nothing_is_waited_for() {
    let (instances, mut world) = Instances::of("leases-none.sqlite");
    assert_eq!(safe_in(&mut world), 1_000, "as long as clocks may be off");
    world.wait(999);
    assert_eq!(safe_in(&mut world), 1);
    world.wait(1);
    assert_eq!(safe_in(&mut world), 0);
    assert_eq!(safe_in(&mut instances.open(world.now)), 0, "nor by an instance that was just made");
    granted(&mut world, None);
    world.wait(60_000);
    assert_eq!(safe_in(&mut instances.open(world.now)), 0, "nor where the last one is over");
}

#[test]
fn where_nothing_is_written_down_the_longest_lease_may_just_have_been_granted() {
    let mut world = settled();
    world.meddle("UPDATE workspace SET leases_until = NULL");
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(4_000);
    assert_eq!(safe_in(&mut world), 7_000);
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(11_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn what_is_left_of_the_last_lease_is_waited_for_and_what_clocks_may_be_off() {
    let mut world = settled();
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(3_000);
    assert_eq!(safe_in(&mut world), 8_000);
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000, "the last one counts");
    world.wait(9_999);
    assert_eq!(safe_in(&mut world), 1_001);
    world.wait(1);
    assert_eq!(safe_in(&mut world), 1_000);
    world.wait(60_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn a_shorter_lease_does_not_end_a_longer_one() {
    let mut world = settled();
    set_lease(&mut world, 60);
    granted(&mut world, None);
    set_lease(&mut world, 2);
    world.wait(1_000);
    assert_eq!(granted(&mut world, None).term, 2_000);
    assert_eq!(safe_in(&mut world), 60_000, "59 seconds of the first are left");
    world.wait(58_000);
    assert_eq!(safe_in(&mut world), 2_000);
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 3_000);
    world.wait(3_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn an_instance_waits_for_what_the_ones_before_it_granted() {
    let (instances, mut world) = Instances::of("leases-opened-again.sqlite");
    world.wait(20_000);
    granted(&mut world, None);
    for passed in (0..=20_000).step_by(500) {
        let exact = 11_000_u64.saturating_sub(passed);
        assert_eq!(safe_in(&mut world), exact);
        let told = safe_in(&mut instances.open(world.now));
        assert!((exact..=exact + 5_000).contains(&told), "{told} where {exact} are left");
        world.wait(500);
    }

    let mut again = instances.open(world.now);
    set_lease(&mut again, 60);
    granted(&mut again, None);
    set_lease(&mut again, 2);
    // Also where the first thing that it does is to grant a short one.
    let mut last = instances.open(again.now);
    assert_eq!(granted(&mut last, None).term, 2_000);
    assert_eq!(safe_in(&mut last), 61_000);
    last.wait(91_000);
    assert_eq!(safe_in(&mut last), 0);
}

#[test]
fn grants_write_once_in_half_a_lease() {
    let mut world = settled();
    let written = |world: &World| world.number("SELECT leases_until FROM workspace");
    let mut writes = 0;
    for _ in 0..1_000 {
        let before = written(&world);
        granted(&mut world, None);
        writes += u32::from(written(&world) != before);
        world.wait(100);
    }
    assert!((15..=21).contains(&writes), "{writes} writes in 100 seconds");
}

#[test]
fn an_instance_that_another_took_over_from_answers_nothing_any_more() {
    let (instances, mut first) = Instances::of("leases-taken-over.sqlite");
    let mut second = instances.open(first.now);
    granted(&mut first, None);
    assert!(send(&mut second, false, None, GetScopes {}).is_ok(), "who has granted none may still act");
    granted(&mut second, None);
    let over = send(&mut first, false, None, GetScopes {});
    assert!(matches!(over, Err(CommandError::Internal { .. })), "{over:?}");
    assert!(matches!(first.attempt(Actor::Verifier, super::lease(None)), Err(CommandError::Internal { .. })));
    granted(&mut second, None);
}

#[test]
fn an_instance_whose_grant_failed_knows_of_what_another_has_granted_since() {
    let fails = |world: &mut World, nth| {
        world.ledger.sql().fail(Some((nth, When::After)));
        let has_failed = world.attempt(Actor::Verifier, super::lease(None)).is_err();
        world.ledger.sql().fail(None);
        has_failed
    };
    let (_probed, mut probe) = Instances::of("leases-probed.sqlite");
    let last = (1..100).take_while(|nth| fails(&mut probe, *nth)).last().unwrap();

    let (instances, mut first) = Instances::of("leases-failed.sqlite");
    first.wait(20_000);
    granted(&mut first, None);
    let mut second = instances.open(first.now);
    second.random = Seeded(9);
    let before = first.dump();
    assert!(last > 2 && fails(&mut second, last));
    assert_eq!(first.dump(), before, "the number that it was to write is not there");
    for world in [&mut first, &mut second] {
        world.wait(4_000);
    }
    granted(&mut first, None);
    assert_eq!(safe_in(&mut first), 11_000);
    assert!(safe_in(&mut second) >= 11_000, "it goes by the disk");
}

#[test]
fn a_longer_lease_than_the_setting_before_is_waited_for_to_its_end() {
    let mut world = settled();
    set_lease(&mut world, 60);
    assert_eq!(safe_in(&mut world), 0, "none of them runs yet");
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 61_000);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_a_lease() {
    let mut world = settled();
    world.wait(3_600_000);
    granted(&mut world, None);
    world.now = START;
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(5_000);
    assert_eq!(safe_in(&mut world), 11_000, "how long it has been running, nobody can tell");
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(3_600_000 + 20_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn only_who_asks_is_told_and_only_of_what_was_done() {
    let (mut world, admin) = World::founded();
    granted(&mut world, None);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let rotate = || RotateToken { id: held.id.clone(), grace_seconds: 60, end_previous: false };
    assert_eq!(send(&mut world, false, None, GetScopes {}), Ok((false, None)));
    assert_eq!(send(&mut world, false, Some("a"), rotate()), Ok((false, None)));
    assert_eq!(send(&mut world, false, Some("a"), rotate()), Ok((true, None)));
    assert_eq!(send(&mut world, true, Some("a"), rotate()), Ok((true, Some(11_000))), "repeated, it counts no earlier");
    world.wait(1_000);
    assert_eq!(send(&mut world, true, Some("b"), rotate()), Ok((false, Some(10_000))));
    world.wait(1_000);
    assert_eq!(send(&mut world, true, Some("b"), rotate()), Ok((true, Some(9_000))));

    let unknown = RevokeToken { id: "tok_none".to_owned(), reason: None };
    assert!(matches!(send(&mut world, true, None, unknown), Err(CommandError::NotFound { .. })));
    let wrong = CreateToken { scopes: patterns(&["nope"]), ..token(&[]) };
    assert!(send(&mut world, true, Some("b"), wrong).is_err());
    assert!(send(&mut world, true, None, ReadSelf {}).is_err());
    let mut empty = World::empty();
    assert_eq!(
        send(&mut empty, true, None, GetScopes {}),
        Err(CommandError::NotFound { what: "workspace".to_owned() })
    );
}

#[test]
fn a_lease_granted_after_a_change_is_not_waited_for() {
    let mut world = settled();
    let held = world.issue(Actor::Root, CreateToken { owner: Some("admin".to_owned()), ..token(&[]) }).unwrap();
    let revoke = || RevokeToken { id: held.id.clone(), reason: None };
    assert_eq!(send(&mut world, true, None, revoke()), Ok((false, Some(0))), "nobody holds one");
    granted(&mut world, None);
    // Said again, the ledger does not know when it was done: whoever repeats it waits for longer.
    assert_eq!(send(&mut world, true, None, revoke()), Ok((false, Some(11_000))));
}
