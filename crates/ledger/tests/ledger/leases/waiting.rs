//! Waiting until no verifier can rely on an earlier state.

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

/// Executes a command and returns the fields around its reply.
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

/// The milliseconds until no verifier can rely on the earlier state.
fn safe_in(world: &mut World) -> u64 {
    send(world, true, None, GetScopes {}).unwrap().1.unwrap()
}

fn set_lease(world: &mut World, seconds: u64) {
    world.call(Actor::Root, UpdateWorkspace { lease_max: Some(seconds), ..of_workspace() }).unwrap();
}

/// A workspace without any granted lease.
fn settled() -> World {
    let (mut world, _) = World::founded();
    world.wait(1_000);
    assert_eq!(safe_in(&mut world), 0);
    world
}

/// Instances of one ledger. Each knows only the leases that it granted itself.
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
fn wait_is_zero_without_active_lease() {
    let (instances, mut world) = Instances::of("leases-none.sqlite");
    assert_eq!(safe_in(&mut world), 1_000, "only the allowance for clock skew");
    world.wait(999);
    assert_eq!(safe_in(&mut world), 1);
    world.wait(1);
    assert_eq!(safe_in(&mut world), 0);
    assert_eq!(safe_in(&mut instances.open(world.now)), 0, "the same for a new instance");
    granted(&mut world, None);
    world.wait(60_000);
    assert_eq!(safe_in(&mut instances.open(world.now)), 0, "the same after the last lease has expired");
}

#[test]
fn wait_without_recorded_bound_assumes_longest_lease() {
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
fn wait_covers_rest_of_last_lease_and_clock_skew() {
    let mut world = settled();
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(3_000);
    assert_eq!(safe_in(&mut world), 8_000);
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000, "the last lease counts");
    world.wait(9_999);
    assert_eq!(safe_in(&mut world), 1_001);
    world.wait(1);
    assert_eq!(safe_in(&mut world), 1_000);
    world.wait(60_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn shorter_lease_does_not_shorten_wait() {
    let mut world = settled();
    set_lease(&mut world, 60);
    granted(&mut world, None);
    set_lease(&mut world, 2);
    world.wait(1_000);
    assert_eq!(granted(&mut world, None).term, 2_000);
    assert_eq!(safe_in(&mut world), 60_000, "the first lease has 59 seconds left");
    world.wait(58_000);
    assert_eq!(safe_in(&mut world), 2_000);
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 3_000);
    world.wait(3_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn wait_covers_leases_of_previous_instances() {
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
    // Also if it starts by granting a short lease.
    let mut last = instances.open(again.now);
    assert_eq!(granted(&mut last, None).term, 2_000);
    assert_eq!(safe_in(&mut last), 61_000);
    last.wait(91_000);
    assert_eq!(safe_in(&mut last), 0);
}

#[test]
fn lease_grants_write_once_per_half_lease() {
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
fn superseded_instance_refuses_commands() {
    let (instances, mut first) = Instances::of("leases-taken-over.sqlite");
    let mut second = instances.open(first.now);
    granted(&mut first, None);
    assert!(
        send(&mut second, false, None, GetScopes {}).is_ok(),
        "an instance that granted no lease still executes commands"
    );
    granted(&mut second, None);
    let over = send(&mut first, false, None, GetScopes {});
    assert!(matches!(over, Err(CommandError::Internal { .. })), "{over:?}");
    assert!(matches!(first.attempt(Actor::Verifier, super::lease(None)), Err(CommandError::Internal { .. })));
    granted(&mut second, None);
}

#[test]
fn wait_after_failed_grant_covers_other_instances_leases() {
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
    assert_eq!(first.dump(), before, "the instance's number is not stored");
    for world in [&mut first, &mut second] {
        world.wait(4_000);
    }
    granted(&mut first, None);
    assert_eq!(safe_in(&mut first), 11_000);
    assert!(safe_in(&mut second) >= 11_000, "it uses the stored bound");
}

#[test]
fn wait_covers_lease_longer_than_current_setting() {
    let mut world = settled();
    set_lease(&mut world, 60);
    assert_eq!(safe_in(&mut world), 0, "no such lease exists yet");
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 61_000);
}

#[test]
fn wait_after_clock_set_back_is_at_most_one_lease() {
    let mut world = settled();
    world.wait(3_600_000);
    granted(&mut world, None);
    world.now = START;
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(5_000);
    assert_eq!(safe_in(&mut world), 11_000, "it is unknown since when the lease runs");
    granted(&mut world, None);
    assert_eq!(safe_in(&mut world), 11_000);
    world.wait(3_600_000 + 20_000);
    assert_eq!(safe_in(&mut world), 0);
}

#[test]
fn wait_is_reported_only_on_request_and_success() {
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
fn wait_excludes_leases_granted_after_change() {
    let mut world = settled();
    let held = world.issue(Actor::Root, CreateToken { owner: Some("admin".to_owned()), ..token(&[]) }).unwrap();
    let revoke = || RevokeToken { id: held.id.clone(), reason: None };
    assert_eq!(send(&mut world, true, None, revoke()), Ok((false, Some(0))), "no verifier holds a lease");
    granted(&mut world, None);
    // A repeated command does not know when it was executed, so the wait is longer.
    assert_eq!(send(&mut world, true, None, revoke()), Ok((false, Some(11_000))));
}
