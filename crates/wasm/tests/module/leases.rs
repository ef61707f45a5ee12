//! Leases as JavaScript drives them.

use counterfoil_token::Digest;
use counterfoil_verify::{Code, Encoded as _, Grant, RegistryKey};
use counterfoil_wasm::Verifier;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Case, FOREIGN, NOW, PENDING, check_from, code, demand, details, give, need, supply_at};

/// The bit that says that a lease is to be renewed.
const RENEWAL: u32 = 0x80;

/// Of a lease of ten seconds 8.8 are used, and past half of them it is renewed. Both in milliseconds.
const USED: f64 = 8_800.0;

/// After a failure somebody asks again by then.
const BACKOFF: f64 = 250.0;
const HALF: f64 = 4_400.0;

const HERE: &str = "0Ab3dE";
const UNAVAILABLE: u32 = Code::Unavailable as u32;

/// A live token of another system, known to a ledger that grants leases, and a verifier with a demand for it.
struct World {
    case: Case,
    verifier: Verifier,
    demand: u32,
}

impl World {
    fn new(lines: &str) -> Self {
        let mut case = Case::all()[0].clone();
        // The ledger's clock is another.
        case.now -= 500;
        case.workspace.has_imports = true;
        let mut verifier = Verifier::new(0, false);
        let demand = demand(&mut verifier, &case.demand(lines));
        Self { case, verifier, demand }
    }

    /// One that has been granted a lease at `NOW`.
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

    /// What a ledger says that was asked by somebody who stands where `grant` left it: this many changes more.
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

    /// Begins the renewal that the answer of then is to see to.
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
fn first_sight_asks_for_a_lease_and_then_memory_answers() {
    let mut world = World::new("bounded");
    let pending = world.check(0.0);
    assert_eq!(pending & 0xff, PENDING);
    let asked = json!({"kind": "lease", "workspace": HERE, "digests": [World::digest()], "uses": []});
    assert_eq!(world.need(pending), asked, "it stands nowhere yet");
    let grant = world.grant();
    let first = world.supply(pending, &grant.encode(), 0.0);
    assert_eq!(first & 0xff, Code::Valid as u32);
    assert_eq!(details(&world.verifier, first)["freshness"], "strong", "it was asked about just now");
    for after in [0.0, 1.0, HALF] {
        let answer = world.check(after);
        assert_eq!(answer & 0xff, Code::Valid as u32, "after {after} ms, and nothing is due");
        let told = details(&world.verifier, answer);
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
    assert_eq!(world.need(next), wait, "the answer will do for it too");
    assert_eq!(code(world.supply(over, &grant.encode(), USED)), Code::Valid as u32);
    give(&mut world.verifier, &[]);
    assert_eq!(code(world.verifier.supply(next, NOW + USED)), Code::Valid as u32);
}

#[wasm_bindgen_test]
fn past_its_half_one_answer_has_it_renewed() {
    let mut world = World::leased("bounded");
    let answer = world.check(HALF + 1.0);
    assert_eq!(answer & 0xff, Code::Valid as u32 | RENEWAL);
    let told = details(&world.verifier, answer);
    assert_eq!((&told["freshness"], &told["id"]), (&json!("bounded"), &json!(world.case.token.id)));
    let next = world.check(HALF + 1.0);
    assert_eq!(next & 0xff, Code::Valid as u32, "it is one request's turn");

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
    assert_eq!(world.supply(renewal, &grant.encode(), HALF + 50.0), UNAVAILABLE, "of no account");
    assert_eq!(world.verifier.need(renewal, 1), "", "once only");
    assert_eq!(world.supply(renewal, &grant.encode(), HALF + 50.0), UNAVAILABLE);

    // It runs from before the question was asked.
    assert_eq!(world.check(2.0 * HALF + 1.0) & 0xff, Code::Valid as u32);
    assert_eq!(code(world.check(HALF + USED)), Code::Valid as u32);
    assert_eq!(code(world.check(HALF + 1.0 + USED)), PENDING);
}

#[wasm_bindgen_test]
fn a_renewal_tells_what_changed() {
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
fn what_a_renewal_did_not_bring_is_not_there() {
    let garbage = [&[][..], b"nonsense", &[255; 64]];
    for bytes in garbage {
        let mut world = World::leased("bounded");
        let renewal = world.renew(HALF + 1.0);
        world.supply(renewal, bytes, HALF + 2.0);
        assert_eq!(code(world.check(USED - 1.0)), Code::Valid as u32, "the old lease is as good as it was");
        assert_eq!(code(world.check(USED)), PENDING);
    }
    // No answer at all: the next one asks, after a back-off, and tells the same uses with those that came since.
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
fn garbage_grants_nothing() {
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
        assert_eq!(details(&world.verifier, answer), json!({"freshness": "bounded", "asOf": NOW as u64}));
        assert_eq!(code(world.check(BACKOFF)), PENDING, "nothing was granted");
    }
}

#[wasm_bindgen_test]
fn a_grant_answers_no_question_for_records_nor_the_other_way_round() {
    let mut world = World::new("strong");
    let (grant, records) = (world.grant().encode(), world.case.answer(HERE, FOREIGN).encode());
    let pending = world.check(0.0);
    assert_eq!(world.need(pending)["kind"], "ledger");
    let answer = world.supply(pending, &grant, 0.0);
    assert_eq!(answer & 0xff, UNAVAILABLE);
    assert_eq!(details(&world.verifier, answer)["freshness"], "strong");

    let mut world = World::new("bounded");
    let pending = world.check(0.0);
    assert_eq!(world.supply(pending, &records, 0.0) & 0xff, UNAVAILABLE);
    assert_eq!(code(world.check(99.0)), UNAVAILABLE, "nobody asks yet");
    assert_eq!(code(world.check(BACKOFF)), PENDING);

    let mut world = World::leased("bounded");
    let renewal = world.renew(HALF + 1.0);
    world.supply(renewal, &records, HALF + 2.0);
    assert_eq!(code(world.check(USED)), PENDING, "nothing was renewed");
}

#[wasm_bindgen_test]
fn a_grant_that_comes_when_it_is_over_is_asked_for_again() {
    let mut world = World::new("bounded");
    let grant = world.grant().encode();
    let mut pending = world.check(0.0);
    for round in [1.0, 2.0] {
        pending = world.supply(pending, &grant, round * USED);
        assert_eq!((pending & 0xff, world.need(pending)["kind"].clone()), (PENDING, json!("lease")));
    }
    assert_eq!(code(world.supply(pending, &grant, 3.0 * USED)), UNAVAILABLE);
    assert_eq!(code(world.check(3.0 * USED + BACKOFF)), PENDING, "nothing was granted");
}

#[wasm_bindgen_test]
fn an_eventual_answer_will_do_where_the_demand_says_so() {
    let nothing = |world: &mut World, pending, after| supply_at(&mut world.verifier, pending, &[], NOW + after);
    let mut world = World::new("bounded\ne");
    let pending = world.check(0.0);
    assert_eq!(world.need(pending)["kind"], "lease", "where there is an answer, that counts");
    let pending = nothing(&mut world, pending, 0.0);
    let key = world.case.workspace.key;
    let keys = [RegistryKey::Token(key, Digest::of(FOREIGN.as_bytes())).path(), RegistryKey::Workspace(key).path()];
    assert_eq!(world.need(pending), json!({"kind": "registry", "keys": keys}));
    let values = [Some(world.case.token.encode()), Some(world.case.workspace.encode())];
    let pending = supply_at(&mut world.verifier, pending, &values, NOW);
    let owner = [Some(world.case.owner.encode())];
    let answer = supply_at(&mut world.verifier, pending, &owner, NOW);
    assert_eq!(answer & 0xff, Code::Valid as u32);
    assert_eq!(details(&world.verifier, answer)["freshness"], "eventual");
    // Who did not get an answer speaks for others, until somebody tries again; then they do.
    let next = world.check(99.0);
    assert_eq!(details(&world.verifier, next)["freshness"], "eventual");
    let next = world.check(1_000.0);
    assert_eq!(world.need(next)["kind"], "lease");
    let grant = world.grant();
    let answer = world.supply(next, &grant.encode(), 1_000.0);
    assert_eq!(code(answer), Code::Valid as u32);
    let answer = world.check(1_000.0);
    assert_eq!(details(&world.verifier, answer)["freshness"], "bounded");

    // A lease that is over leaves memory, which counts for a minute.
    let mut world = World::leased("bounded\ne");
    let pending = world.check(USED);
    let answer = nothing(&mut world, pending, USED);
    assert_eq!(code(answer), Code::Valid as u32);
    assert_eq!(details(&world.verifier, answer)["freshness"], "eventual");

    let mut world = World::leased("bounded");
    let pending = world.check(USED);
    let answer = nothing(&mut world, pending, USED);
    assert_eq!(code(answer), UNAVAILABLE, "where nothing is said, it will not do");
}

#[wasm_bindgen_test]
fn a_clock_that_goes_back_ends_the_lease() {
    let mut world = World::leased("bounded");
    assert_eq!(code(world.check(1_000.0)), Code::Valid as u32);
    assert_eq!(code(world.check(999.0)), PENDING);
}
