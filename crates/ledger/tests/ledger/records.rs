//! Records for `strong` decisions.

use counterfoil_ledger::sql::Sql as _;
use counterfoil_protocol::command::{Actor, CreateToken, Lease, Lifetime, Records};
use counterfoil_token::{Digest, SealSecret};
use counterfoil_verify::{Code, Demand, Facts, Scope, decide};
use serde_json::json;

use crate::support::*;

#[test]
fn records_contain_all_data_for_a_decision() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["orders:*", "tokens:verify"]);
    let ask = CreateToken {
        owner: Some("ann".to_owned()),
        lifetime: Lifetime::Seconds(60),
        metadata: json!({"b": 1, "a": 2}).as_object().cloned(),
        ..token(&["orders:read"])
    };
    let held = world.issue(Actor::Root, ask).unwrap();
    let unknown = Digest::of(b"unknown");
    let digests = vec![held.digest, unknown, ann.digest, held.digest];
    let before = world.dump();
    let answer = world.call(ann.actor, Records { digests: digests.clone() }).unwrap().0;
    assert_eq!(world.dump(), before, "a read changed something");

    assert_eq!((answer.key, answer.as_of, answer.generation), (key(), START, 5));
    assert_eq!(answer.tokens.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), digests);
    assert_eq!(answer.tokens[1].1, None);
    assert_eq!(answer.owners.len(), 1);
    let workspace = answer.workspace.unwrap();
    assert_eq!((&*workspace.slug, workspace.suspended, workspace.has_imports), ("demo", false, false));
    assert_eq!(workspace.version, 2);
    let record = answer.tokens[0].1.as_ref().unwrap();
    assert_eq!((&*record.id, record.number, record.owner), (held.id.as_str(), held.number, 2));
    assert_eq!((record.version, record.issued), (5, 5));
    assert_eq!(record.metadata.as_deref(), Some(r#"{"a":2,"b":1}"#));
    assert_eq!((record.replaced_until, record.rate_class), (None, None));

    let facts = Facts { token: record, owner: &answer.owners[0], workspace: &workspace };
    let mut demand = Demand::of(key());
    demand.all_of = vec![Scope::parse("orders:read").unwrap()];
    assert_eq!(decide(facts, &demand, answer.as_of), Code::Valid);
    assert_eq!(decide(facts, &demand, answer.as_of.plus(60_000)), Code::Expired);
    demand.all_of = vec![Scope::parse("orders:write").unwrap()];
    assert_eq!(decide(facts, &demand, answer.as_of), Code::InsufficientScope);
}

#[test]
fn records_contain_seal_keys_current_first() {
    let (mut world, admin) = World::founded();
    let newer = SealSecret::new(&[8; 32]).unwrap();
    let expected = [newer.key_for(key()), world.seal_secrets[0].key_for(key())];
    world.seal_secrets.insert(0, newer);
    let answer = world.call(admin.actor, Records { digests: Vec::new() }).unwrap().0;
    assert!(answer.seal_keys.iter().eq(&expected));
}

#[test]
fn records_are_limited_to_101_digests() {
    let (mut world, _) = World::founded();
    let digests = |count: u8| (0..count).map(|n| Digest::of(&[n])).collect();
    assert_eq!(world.call(Actor::Verifier, Records { digests: digests(101) }).unwrap().0.tokens.len(), 101);
    assert_invalid_value(world.call(Actor::Verifier, Records { digests: digests(102) }), "/digests");
    let mut empty = World::empty();
    assert_invalid_value(empty.call(Actor::Verifier, Records { digests: digests(102) }), "/digests");
}

#[test]
fn unreadable_row_is_omitted_from_records() {
    let (mut world, admin) = World::founded();
    let [good, bad] = [0, 1].map(|_| world.issue(admin.actor, token(&[])).unwrap());
    let spoil = "UPDATE tokens SET scopes = 'garbage' WHERE number = ?";
    world.ledger.sql().exec(spoil, &[bad.number.into()]).unwrap();
    let digests = vec![bad.digest, good.digest];
    let told = |answer: &counterfoil_verify::Answer| -> Vec<Digest> {
        answer.tokens.iter().filter_map(|(digest, record)| record.as_ref().map(|_| *digest)).collect()
    };
    let answer = world.call(admin.actor, Records { digests: digests.clone() }).unwrap().0;
    assert_eq!((told(&answer), answer.tokens.len()), (vec![good.digest], 1));
    let lease = Lease { since: None, digests, uses: Vec::new(), segments: None };
    let granted = world.call(admin.actor, lease).unwrap().0;
    assert_eq!((told(&granted.answer), granted.answer.tokens.len()), (vec![good.digest], 1));
    assert!(granted.term > 0);
    // A failure of the whole database is not a partial answer.
    world.ledger.sql().fail(Some((3, counterfoil_ledger::native::When::Before)));
    assert!(world.call(admin.actor, Records { digests: vec![good.digest] }).is_err());
}
