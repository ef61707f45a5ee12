//! Verifiers that load segments are told which edition to use, and everything that changed since.

use std::collections::BTreeSet;

use counterfoil_ledger::editions::{Kind, Step};
use counterfoil_protocol::command::{Actor, CreateToken, ImportLine, ImportTokens, Lease, RevokeToken, UpdateMember};
use counterfoil_token::Digest;
use counterfoil_verify::{ContentHash, Edition, Grant, Position, Segments};

use super::{lease, rotate};
use crate::{changes::of_member, support::*};

/// The ledger builds an edition of the present state.
fn publish(world: &mut World) -> Edition {
    let generation = world.number("SELECT generation FROM workspace");
    for _ in 0..1_000 {
        let step = world.ledger.edition_step(world.now).unwrap();
        match step {
            Step::Wait(_) => world.wait(1_000),
            step => world.ledger.edition_done(&step, world.now).unwrap(),
        }
        let current = world.ledger.current_edition(Kind::Leases).unwrap();
        if let Some(current) = current.filter(|current| current.generation == generation) {
            return Edition { manifest: current.manifest, generation };
        }
    }
    panic!("no edition is built");
}

/// The lease of a verifier at this position that uses this manifest.
fn granted(world: &mut World, since: Option<Position>, manifest: Option<ContentHash>) -> Grant {
    let ask = Lease { segments: Some(Segments { manifest }), ..lease(since) };
    world.call(Actor::Verifier, ask).unwrap().0
}

fn texts(grant: &Grant) -> BTreeSet<Digest> {
    let texts: BTreeSet<_> = grant.texts.iter().copied().collect();
    assert_eq!(texts.len(), grant.texts.len(), "reported twice");
    texts
}

#[test]
fn edition_is_reported_only_on_request() {
    let (mut world, _) = World::founded();
    assert_eq!(granted(&mut world, None, None).edition, None, "no edition exists yet");
    publish(&mut world);
    assert_eq!(super::granted(&mut world, None).edition, None);
}

#[test]
fn new_verifier_gets_changes_since_edition() {
    let (mut world, admin) = World::founded();
    let before = world.issue(admin.actor, token(&["read"])).unwrap();
    world.join("ann", &["read"]);
    let edition = publish(&mut world);
    let grant = granted(&mut world, None, None);
    assert_eq!((grant.edition, grant.since), (Some(edition), Some(edition.generation)));
    assert_eq!((texts(&grant), &grant.owners), (BTreeSet::new(), &vec![]));

    world.call(Actor::Root, RevokeToken { id: before.id.clone(), reason: None }).unwrap();
    let after = world.issue(admin.actor, token(&["read"])).unwrap();
    let grant = granted(&mut world, None, None);
    assert_eq!((grant.edition, grant.since), (Some(edition), Some(edition.generation)));
    assert_eq!(texts(&grant), [before.digest, after.digest].into(), "values created since are included");
    let anew = Position { epoch: grant.epoch + 1, generation: grant.answer.generation };
    assert_eq!(texts(&granted(&mut world, Some(anew), None)), texts(&grant), "a position of another epoch is not used");
    assert_eq!(granted(&mut world, Some(anew), Some(edition.manifest)).since, Some(edition.generation));
}

#[test]
fn verifier_using_edition_gets_changes_since_last_request() {
    let (mut world, admin) = World::founded();
    let edition = publish(&mut world);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let position = granted(&mut world, None, None).position();
    let new = rotate(&mut world, &held, 0);
    let grant = granted(&mut world, Some(position), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since), (Some(edition), Some(position.generation)));
    assert_eq!(texts(&grant), [held.digest, new.digest].into());
    // A verifier that uses another edition, or none: all changes since the edition.
    for manifest in [None, Some(ContentHash::of(b"another"))] {
        let grant = granted(&mut world, Some(position), manifest);
        assert_eq!((grant.edition, grant.since), (Some(edition), Some(edition.generation)));
    }
    // A new edition, later than the verifier's position: all changes that it is missing.
    let later = publish(&mut world);
    let grant = granted(&mut world, Some(position), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since), (Some(later), Some(position.generation)));
    assert_eq!(texts(&grant), [held.digest, new.digest].into());
    let grant = granted(&mut world, Some(grant.position()), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since, texts(&grant).len()), (Some(later), Some(later.generation), 0));
}

#[test]
fn token_created_since_edition_is_reported_even_if_revoked() {
    let (mut world, admin) = World::founded();
    world.join("ann", &["read"]);
    publish(&mut world);
    let digest = Digest::of(b"a third-party token");
    let of_ann = || CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
    let import = ImportTokens { lines: vec![ImportLine { digest, weak: false, length: None, token: of_ann() }] };
    world.call(admin.actor, import).unwrap();
    let held = world.issue(admin.actor, of_ann()).unwrap();
    let new = rotate(&mut world, &held, 60);
    world.call(admin.actor, UpdateMember { revoke_all: true, ..of_member("ann") }).unwrap();
    assert_eq!(texts(&granted(&mut world, None, None)), [digest, held.digest, new.digest].into());
}

#[test]
fn edition_is_omitted_after_too_many_changes() {
    let (mut world, admin) = World::founded();
    let edition = publish(&mut world);
    let position = granted(&mut world, None, None).position();
    let many = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
        INSERT INTO tokens (number, id, digest, hint, owner, name, scopes, enabled, created_at, created_by, addresses,
            issued, version) SELECT i + 1, 'tok_' || i, randomblob(32), '', 1, '', '[]', 1, 0, 'root', '[]',
            generation + 1, generation + 1 FROM n, workspace";
    world.meddle(many);
    world.meddle("UPDATE workspace SET generation = generation + 1, last_number = 10002, default_quota = 20000");
    let grant = granted(&mut world, Some(position), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since, grant.texts.len()), (Some(edition), Some(position.generation), 10_000));
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let grant = granted(&mut world, Some(position), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since, grant.texts.len()), (None, Some(position.generation), 0));
    let nothing = granted(&mut world, None, None);
    assert_eq!((nothing.edition, nothing.since, nothing.texts.len()), (None, None, 0));
    // A verifier that was already told continues from there.
    let here = grant.position();
    world.call(Actor::Root, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let grant = granted(&mut world, Some(here), Some(edition.manifest));
    assert_eq!(
        (grant.edition, grant.since, texts(&grant)),
        (Some(edition), Some(here.generation), [held.digest].into())
    );
    let later = publish(&mut world);
    assert_eq!(granted(&mut world, None, None).edition, Some(later));
    // A verifier that missed too much is reset together with it.
    let grant = granted(&mut world, Some(position), Some(edition.manifest));
    assert_eq!((grant.edition, grant.since, grant.texts.len()), (Some(later), Some(later.generation), 0));
}
