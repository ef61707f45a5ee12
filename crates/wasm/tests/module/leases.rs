//! Leases, driven as JavaScript does.

use counterfoil_token::Digest;
use counterfoil_verify::{Code, Encoded as _, Grant, RegistryKey};
use counterfoil_wasm::Verifier;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Case, FOREIGN, NOW, PENDING, check_from, code, demand, details, give, need, supply_at};

/// The bit that says that a lease is to be renewed.
const RENEWAL: u32 = 0x80;

/// A lease of ten seconds is used for 8.8 s, and renewed in the second half of them. Both in milliseconds.
const USED: f64 = 8_800.0;

/// The longest back-off after the first failure, in milliseconds.
const BACKOFF: f64 = 250.0;
const HALF: f64 = 4_400.0;

const HERE: &str = "0Ab3dE";
const UNAVAILABLE: u32 = Code::Unavailable as u32;

/// A valid third-party token known to a ledger that grants leases, and a verifier with a requirement for it.
struct World {
    case: Case,
    verifier: Verifier,
    demand: u32,
}

impl World {
    fn new(lines: &str) -> Self {
        let mut case = Case::all()[0].clone();
        // The ledger's clock differs.
        case.now -= 500;
        case.workspace.has_imports = true;
        let mut verifier = Verifier::new(0, false);
        let demand = demand(&mut verifier, &case.demand(lines));
        Self { case, verifier, demand }
    }

    /// A verifier that was granted a lease at `NOW`.
    fn leased(lines: &str) -> Self {
        let mut world = Self::new(lines);
        let pending = world.check(0.0);
        let grant = world.grant();
        assert_eq!(code(world.supply(pending, &grant.encode(), 0.0)), Code::Valid as u32);
        world
    }

    fn grant(&self) -> Grant {
        self.case.grant(HERE, FOREIGN)
    }

    /// The ledger's response to a verifier at the position of `grant`: this many changes later.
    fn renewed(&self, changes: u64) -> Grant {
        let mut grant = Grant { since: Some(1), ..self.grant() };
        grant.answer.generation += changes;
        grant
    }

    fn check(&mut self, after: f64) -> u32 {
        check_from(&mut self.verifier, FOREIGN, "", self.demand, NOW + after)
    }

    fn supply(&mut self, answer: u32, bytes: &[u8], after: f64) -> u32 {
        supply_at(&mut self.verifier, answer, &[Some(bytes.to_vec())], NOW + after)
    }

    /// Begins the renewal that the answer at that time is to see to.
    fn renew(&mut self, after: f64) -> u32 {
        let answer = self.check(after);
        assert_eq!(answer & 0xff, Code::Valid as u32 | RENEWAL, "after {after} ms");
        self.verifier.renew(answer, NOW + after)
    }

    fn need(&mut self, answer: u32) -> Value {
        need(&mut self.verifier, answer)
    }

    fn digest() -> String {
        hex::encode(Digest::of(FOREIGN.as_bytes()).as_bytes())
    }
}

#[wasm_bindgen_test]
fn first_check_queries_for_a_lease_then_the_cache_decides() {
    let mut world = World::new("bounded");
    let pending = world.check(0.0);
    assert_eq!(pending & 0xff, PENDING);
    let asked = json!({"kind": "lease", "workspace": HERE, "digests": [World::digest()], "uses": []});
    assert_eq!(world.need(pending), asked, "it has no position yet");
    let grant = world.grant();
    let first = world.supply(pending, &grant.encode(), 0.0);
    assert_eq!(first & 0xff, Code::Valid as u32);
    assert_eq!(details(&mut world.verifier, first)["freshness"], "strong", "it was queried just now");
    for after in [0.0, 1.0, HALF] {
        let answer = world.check(after);
        assert_eq!(answer & 0xff, Code::Valid as u32, "after {after} ms, no renewal is due");
        let told = details(&mut world.verifier, answer);
        assert_eq!((&told["freshness"], &told["asOf"]), (&json!("bounded"), &json!(world.case.now)));
        assert_eq!(world.verifier.renew(answer, NOW + after), 0, "there is nothing to renew");
    }
    let last = world.check(USED - 1.0);
    assert_eq!(code(last), Code::Valid as u32);
    let over = world.check(USED);
    assert_eq!(over & 0xff, PENDING);
    let told = world.need(over);
    assert_eq!((&told["kind"], &told["epoch"], &told["generation"]), (&json!("lease"), &json!(7), &json!(1)));
    let next = world.check(USED);
    let wait = json!({"kind": "wait", "workspace": HERE, "milliseconds": 25});
    assert_eq!(world.need(next), wait, "the response will serve this check too");
    assert_eq!(code(world.supply(over, &grant.encode(), USED)), Code::Valid as u32);
    give(&mut world.verifier, &[]);
    assert_eq!(code(world.verifier.supply(next, NOW + USED)), Code::Valid as u32);
}

#[wasm_bindgen_test]
fn one_request_renews_the_lease_in_its_second_half() {
    let mut world = World::leased("bounded");
    let answer = world.check(HALF + 1.0);
    assert_eq!(answer & 0xff, Code::Valid as u32 | RENEWAL);
    let told = details(&mut world.verifier, answer);
    assert_eq!((&told["freshness"], &told["id"]), (&json!("bounded"), &json!(world.case.token.id)));
    let next = world.check(HALF + 1.0);
    assert_eq!(next & 0xff, Code::Valid as u32, "only one request is to renew");

    let others = [answer & !RENEWAL, next, next | RENEWAL, 0, RENEWAL, u32::MAX].map(|number| (number, NOW));
    for (number, now) in others.into_iter().chain([(answer, f64::NAN), (answer, -1.0)]) {
        assert_eq!(world.verifier.renew(number, now), 0, "{number:x} at {now}");
    }
    let renewal = world.verifier.renew(answer, NOW + HALF + 1.0);
    assert_eq!((renewal & 0xff, renewal >> 8 > 0), (PENDING, true));
    let last = world.case.now as f64 + HALF + 1.0;
    let uses = json!([format!("{} {last} 3", World::digest())]);
    let asked = json!({
        "kind": "lease", "workspace": HERE, "epoch": 7, "generation": 1, "digests": [], "uses": uses,
    });
    assert_eq!(world.need(renewal), asked);
    assert_eq!(world.verifier.details(renewal), "");
    let grant = world.renewed(0);
    assert_eq!(world.supply(renewal, &grant.encode(), HALF + 50.0), UNAVAILABLE, "its result is ignored");
    assert_eq!(world.verifier.need(renewal, 1), "", "once only");
    assert_eq!(world.supply(renewal, &grant.encode(), HALF + 50.0), UNAVAILABLE);

    // It runs from before the question was sent.
    assert_eq!(world.check(2.0 * HALF + 1.0) & 0xff, Code::Valid as u32);
    assert_eq!(code(world.check(HALF + USED)), Code::Valid as u32);
    assert_eq!(code(world.check(HALF + 1.0 + USED)), PENDING);
}

#[wasm_bindgen_test]
fn renewal_applies_a_revocation() {
    let mut world = World::leased("bounded");
    let renewal = world.renew(HALF + 1.0);
    let mut grant = world.renewed(1);
    let (_, token) = &mut grant.answer.tokens[0];
    let token = token.as_mut().unwrap();
    (token.revoked, token.version) = (true, token.version + 1);
    world.supply(renewal, &grant.encode(), HALF + 2.0);
    assert_eq!(world.check(HALF + 2.0) & 0xff, Code::Revoked as u32);
}

#[wasm_bindgen_test]
fn failed_renewal_keeps_the_lease_and_the_unreported_uses() {
    let garbage = [&[][..], b"nonsense", &[255; 64]];
    for bytes in garbage {
        let mut world = World::leased("bounded");
        let renewal = world.renew(HALF + 1.0);
        world.supply(renewal, bytes, HALF + 2.0);
        assert_eq!(code(world.check(USED - 1.0)), Code::Valid as u32, "the old lease still applies");
        assert_eq!(code(world.check(USED)), PENDING);
    }
    // No response: the next request queries after a back-off, and reports the same uses with those that came since.
    let mut world = World::leased("bounded");
    let renewal = world.renew(HALF + 1.0);
    give(&mut world.verifier, &[]);
    assert_eq!(world.verifier.supply(renewal, NOW + HALF + 2.0), UNAVAILABLE);
    assert_eq!(world.check(HALF + 2.0 + 99.0) & 0xff, Code::Valid as u32);
    let renewal = world.renew(HALF + 2.0 + BACKOFF);
    let last = world.case.now as f64 + HALF + 2.0 + BACKOFF;
    assert_eq!(world.need(renewal)["uses"], json!([format!("{} {last} 4", World::digest())]));
}

#[wasm_bindgen_test]
fn malformed_grants_are_unavailable() {
    let grant = World::new("bounded").grant().encode();
    let cut = (0..grant.len()).map(|length| grant[..length].to_vec());
    let longer = [grant.as_slice(), &[0]].concat();
    let mut another_kind = grant.clone();
    another_kind[0] ^= 1;
    for bytes in cut.chain([longer, another_kind, b"{}".to_vec(), vec![255; 400]]) {
        let mut world = World::new("bounded");
        let pending = world.check(0.0);
        let answer = world.supply(pending, &bytes, 0.0);
        assert_eq!(answer & 0xff, UNAVAILABLE, "{} bytes", bytes.len());
        assert_eq!(details(&mut world.verifier, answer), json!({"freshness": "bounded", "asOf": NOW as u64}));
        assert_eq!(code(world.check(BACKOFF)), PENDING, "no lease was granted");
    }
}

#[wasm_bindgen_test]
fn grants_and_records_are_not_interchangeable() {
    let mut world = World::new("strong");
    let (grant, records) = (world.grant().encode(), world.case.answer(HERE, FOREIGN).encode());
    let pending = world.check(0.0);
    assert_eq!(world.need(pending)["kind"], "ledger");
    let answer = world.supply(pending, &grant, 0.0);
    assert_eq!(answer & 0xff, UNAVAILABLE);
    assert_eq!(details(&mut world.verifier, answer)["freshness"], "strong");

    let mut world = World::new("bounded");
    let pending = world.check(0.0);
    assert_eq!(world.supply(pending, &records, 0.0) & 0xff, UNAVAILABLE);
    assert_eq!(code(world.check(99.0)), UNAVAILABLE, "back-off");
    assert_eq!(code(world.check(BACKOFF)), PENDING);

    let mut world = World::leased("bounded");
    let renewal = world.renew(HALF + 1.0);
    world.supply(renewal, &records, HALF + 2.0);
    assert_eq!(code(world.check(USED)), PENDING, "nothing was renewed");
}

#[wasm_bindgen_test]
fn expired_grant_is_queried_again_twice_at_most() {
    let mut world = World::new("bounded");
    let grant = world.grant().encode();
    let mut pending = world.check(0.0);
    for round in [1.0, 2.0] {
        pending = world.supply(pending, &grant, round * USED);
        assert_eq!((pending & 0xff, world.need(pending)["kind"].clone()), (PENDING, json!("lease")));
    }
    assert_eq!(code(world.supply(pending, &grant, 3.0 * USED)), UNAVAILABLE);
    assert_eq!(code(world.check(3.0 * USED + BACKOFF)), PENDING, "no lease was granted");
}

#[wasm_bindgen_test]
fn or_eventual_falls_back_to_registry_and_cache() {
    let nothing = |world: &mut World, pending, after| supply_at(&mut world.verifier, pending, &[], NOW + after);
    let mut world = World::new("bounded\ne");
    let pending = world.check(0.0);
    assert_eq!(world.need(pending)["kind"], "lease", "the ledger is preferred");
    let pending = nothing(&mut world, pending, 0.0);
    let key = world.case.workspace.key;
    let keys = [RegistryKey::Token(key, Digest::of(FOREIGN.as_bytes())).path(), RegistryKey::Workspace(key).path()];
    assert_eq!(world.need(pending), json!({"kind": "registry", "keys": keys}));
    let values = [Some(world.case.token.encode()), Some(world.case.workspace.encode())];
    let pending = supply_at(&mut world.verifier, pending, &values, NOW);
    let owner = [Some(world.case.owner.encode())];
    let answer = supply_at(&mut world.verifier, pending, &owner, NOW);
    assert_eq!(answer & 0xff, Code::Valid as u32);
    assert_eq!(details(&mut world.verifier, answer)["freshness"], "eventual");
    // A check without a response continues with the failure for others, until one of them retries.
    let next = world.check(99.0);
    assert_eq!(details(&mut world.verifier, next)["freshness"], "eventual");
    let next = world.check(1_000.0);
    assert_eq!(world.need(next)["kind"], "lease");
    let grant = world.grant();
    let answer = world.supply(next, &grant.encode(), 1_000.0);
    assert_eq!(code(answer), Code::Valid as u32);
    let answer = world.check(1_000.0);
    assert_eq!(details(&mut world.verifier, answer)["freshness"], "bounded");

    // After the lease expired, the cached records can be used for eventual decisions for a minute.
    let mut world = World::leased("bounded\ne");
    let pending = world.check(USED);
    let answer = nothing(&mut world, pending, USED);
    assert_eq!(code(answer), Code::Valid as u32);
    assert_eq!(details(&mut world.verifier, answer)["freshness"], "eventual");

    let mut world = World::leased("bounded");
    let pending = world.check(USED);
    let answer = nothing(&mut world, pending, USED);
    assert_eq!(code(answer), UNAVAILABLE, "without or_eventual");
}

#[wasm_bindgen_test]
fn clock_set_back_ends_the_lease() {
    let mut world = World::leased("bounded");
    assert_eq!(code(world.check(1_000.0)), Code::Valid as u32);
    assert_eq!(code(world.check(999.0)), PENDING);
}
