//! The JavaScript bindings, compiled to WebAssembly and run under Node.

#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod batch;
mod leases;
mod snapshots;

use counterfoil_token::{Digest, SealKey, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Encoded, Grant, OwnerRecord, RegistryKey, Timestamp, TokenRecord, WorkspaceRecord,
};
use counterfoil_wasm::Verifier;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

const NOW: f64 = 1_798_761_600_000.0;
const PENDING: u32 = 0;

/// A third-party token: only the requirement says in which workspace it is looked up.
const FOREIGN: &str = "ghp_somebody-elses-token";

fn vectors(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn tokens() -> Value {
    vectors(include_str!("../../../../tests/vectors/token.json"))
}

fn give(verifier: &mut Verifier, bytes: &[u8]) {
    let place = verifier.room(bytes.len());
    assert!(!place.is_null());
    #[expect(unsafe_code, reason = "writes where JavaScript would")]
    unsafe {
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
    }
}

fn demand(verifier: &mut Verifier, lines: &str) -> u32 {
    give(verifier, lines.as_bytes());
    u32::try_from(verifier.demand()).unwrap()
}

fn check(verifier: &mut Verifier, text: &str, demand: u32) -> u32 {
    check_from(verifier, text, "", demand, NOW)
}

fn check_from(verifier: &mut Verifier, text: &str, address: &str, demand: u32, now: f64) -> u32 {
    verifier.write(text.as_bytes(), address.as_bytes());
    let answer = verifier.check(text.len().min(513), address.len(), demand, now);
    assert!(verifier.is_wiped());
    answer
}

fn supply(verifier: &mut Verifier, answer: u32, values: &[Option<Vec<u8>>]) -> u32 {
    supply_at(verifier, answer, values, NOW)
}

fn supply_at(verifier: &mut Verifier, answer: u32, values: &[Option<Vec<u8>>], now: f64) -> u32 {
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend(value.as_ref().map_or(u32::MAX, |value| value.len() as u32).to_le_bytes());
        bytes.extend(value.iter().flatten());
    }
    give(verifier, &bytes);
    verifier.supply(answer, now)
}

fn code(answer: u32) -> u32 {
    answer & 0x7f
}

fn need(verifier: &mut Verifier, answer: u32) -> Value {
    serde_json::from_str(&verifier.need(answer, 1)).unwrap()
}

fn details(verifier: &mut Verifier, answer: u32) -> Value {
    serde_json::from_str(&verifier.details(answer)).unwrap()
}

#[derive(Clone, Deserialize)]
struct Case {
    why: String,
    token: TokenRecord,
    owner: OwnerRecord,
    workspace: WorkspaceRecord,
    demand: DemandCase,
    now: u64,
    code: Code,
}

#[derive(Clone, Deserialize)]
struct DemandCase {
    workspaces: Vec<String>,
    all_of: Vec<String>,
    any_of: Vec<String>,
    address: Option<String>,
}

impl Case {
    fn all() -> Vec<Self> {
        let decisions = vectors(include_str!("../../../../tests/vectors/decisions.json"));
        serde_json::from_value(decisions["cases"].clone()).unwrap()
    }

    fn demand(&self, freshness: &str) -> String {
        let line = |kind| move |item: &String| format!("{kind}{item}\n");
        let DemandCase { workspaces, all_of, any_of, .. } = &self.demand;
        let lines = workspaces.iter().map(line('w')).chain(all_of.iter().map(line('a')));
        lines.chain(any_of.iter().map(line('o'))).collect::<String>() + "f" + freshness
    }

    fn answer(&self, workspace: &str, text: &str) -> Answer {
        let is_here = self.workspace.key.as_str() == workspace;
        Answer {
            key: WorkspaceKey::parse(workspace).unwrap(),
            as_of: Timestamp(self.now),
            generation: 1,
            workspace: is_here.then(|| self.workspace.clone()),
            seal_keys: vec![SealKey::from_bytes([7; 32])],
            tokens: vec![(Digest::of(text.as_bytes()), is_here.then(|| self.token.clone()))],
            owners: vec![self.owner.clone()],
        }
    }

    /// The same with a lease of ten seconds.
    fn grant(&self, workspace: &str, text: &str) -> Grant {
        let answer = self.answer(workspace, text);
        Grant { epoch: 7, since: None, term: 10_000, answer, texts: vec![], owners: vec![], edition: None }
    }

    /// Runs a check to its decision, with a ledger that knows the case and a registry that knows nothing.
    fn run(&self, verifier: &mut Verifier, freshness: &str) -> u32 {
        let demand = demand(verifier, &self.demand(freshness));
        let address = self.demand.address.as_deref().unwrap_or_default();
        let mut answer = check_from(verifier, FOREIGN, address, demand, NOW);
        while code(answer) == PENDING {
            let need = need(verifier, answer);
            let values: Vec<_> = match need["kind"].as_str().unwrap() {
                "ledger" => vec![Some(self.answer(need["workspace"].as_str().unwrap(), FOREIGN).encode())],
                "lease" => vec![Some(self.grant(need["workspace"].as_str().unwrap(), FOREIGN).encode())],
                _ => need["keys"].as_array().unwrap().iter().map(|_| None).collect(),
            };
            answer = supply(verifier, answer, &values);
        }
        answer
    }
}

#[wasm_bindgen_test]
fn decisions_match_the_vectors() {
    let cases = Case::all();
    assert!(cases.len() > 40);
    for case in cases {
        for freshness in ["strong", "bounded", "eventual"] {
            let mut verifier = Verifier::new(0, false);
            let answer = case.run(&mut verifier, freshness);
            // A ledger never confuses owners; a record that does is rejected earlier.
            let is_mixed_up = case.token.owner != case.owner.number;
            let expected = if is_mixed_up { Code::Unavailable } else { case.code };
            assert_eq!(code(answer), expected as u32, "{} ({freshness})", case.why);
            assert_eq!(details(&mut verifier, answer)["id"].is_string(), expected != Code::Unknown && !is_mixed_up);
        }
    }
}

#[wasm_bindgen_test]
fn presented_values_are_classified_as_in_the_vectors() {
    let tokens = tokens();
    let list = |name: &str| tokens[name].as_array().unwrap().clone();
    let mut verifier = Verifier::new(0, false);
    let mut inspect = |case: &Value| -> Value {
        give(&mut verifier, case["text"].as_str().unwrap().as_bytes());
        serde_json::from_str(&verifier.inspect()).unwrap()
    };
    for case in list("valid") {
        let seen = inspect(&case);
        let (prefix, workspace, digest) = (&case["prefix"], &case["workspace"], &case["digest"]);
        assert_eq!(seen, json!({"kind": "ours", "prefix": prefix, "workspace": workspace, "digest": digest}));
    }
    for case in list("foreign") {
        assert_eq!(inspect(&case), json!({"kind": "foreign", "digest": case["digest"]}));
    }
    for case in list("malformed") {
        assert_eq!(inspect(&case)["kind"], "malformed", "{}", case["why"]);
    }
}

#[wasm_bindgen_test]
fn malformed_values_and_wrong_authentication_tags_are_rejected() {
    let mut verifier = Verifier::new(0, false);
    let everyone = "w0k3Yab\nw000000\nw0abcde\nw0Az9Za\nwzzzzzz";
    let demand = demand(&mut verifier, everyone);
    for case in tokens()["malformed"].as_array().unwrap() {
        let answer = check(&mut verifier, case["text"].as_str().unwrap(), demand);
        assert_eq!(code(answer), Code::Malformed as u32, "{}", case["why"]);
    }
    for case in tokens()["wrong_seal"].as_array().unwrap() {
        let (text, workspace) = (case["text"].as_str().unwrap(), case["workspace"].as_str().unwrap());
        let demand = self::demand(&mut verifier, &format!("w{workspace}"));
        assert_eq!(code(check(&mut verifier, text, demand)), PENDING, "without tag keys");
        let key = hex::decode(case["seal_key"].as_str().unwrap()).unwrap();
        give(&mut verifier, &[workspace.as_bytes(), &key].concat());
        assert!(verifier.trust_seal_keys(NOW));
        assert_eq!(code(check(&mut verifier, text, demand)), Code::Unknown as u32, "{}", case["why"]);
        give(&mut verifier, workspace.as_bytes());
        assert!(verifier.trust_seal_keys(NOW), "without any key, tags cannot be verified");
        assert_eq!(code(check(&mut verifier, text, demand)), PENDING);
    }
}

#[wasm_bindgen_test]
fn records_are_decoded_as_in_the_vectors() {
    let records = vectors(include_str!("../../../../tests/vectors/records.json"));
    for case in records["tokens"].as_array().unwrap() {
        let item: TokenRecord = serde_json::from_value(case["item"].clone()).unwrap();
        assert_eq!(TokenRecord::decode(&hex::decode(case["bytes"].as_str().unwrap()).unwrap()), Ok(item));
    }
    for case in records["answers"].as_array().unwrap() {
        let item: Answer = serde_json::from_value(case["item"].clone()).unwrap();
        assert_eq!(Answer::decode(&hex::decode(case["bytes"].as_str().unwrap()).unwrap()), Ok(item));
    }
    for case in records["grants"].as_array().unwrap() {
        let item: Grant = serde_json::from_value(case["item"].clone()).unwrap();
        assert_eq!(Grant::decode(&hex::decode(case["bytes"].as_str().unwrap()).unwrap()), Ok(item));
    }
    for case in records["refused"].as_array().unwrap() {
        assert!(
            TokenRecord::decode(&hex::decode(case["bytes"].as_str().unwrap()).unwrap()).is_err(),
            "{}",
            case["why"]
        );
    }
}

#[wasm_bindgen_test]
fn eventual_check_reads_the_registry_once_then_the_cache() {
    let case = Case {
        workspace: WorkspaceRecord { has_imports: true, ..Case::all()[0].workspace.clone() },
        ..Case::all()[0].clone()
    };
    let mut verifier = Verifier::new(0, false);
    let demand = demand(&mut verifier, &case.demand("eventual"));
    let key = case.workspace.key;
    let digest = Digest::of(FOREIGN.as_bytes());
    let first = check(&mut verifier, FOREIGN, demand);
    let keys = [RegistryKey::Token(key, digest).path(), RegistryKey::Workspace(key).path()];
    assert_eq!(need(&mut verifier, first), json!({"kind": "registry", "keys": keys}));
    let second = supply(&mut verifier, first, &[Some(case.token.encode()), Some(case.workspace.encode())]);
    let owner = RegistryKey::Owner(key, case.owner.number).path();
    assert_eq!(need(&mut verifier, second), json!({"kind": "registry", "keys": [owner]}));
    let answer = supply(&mut verifier, second, &[Some(case.owner.encode())]);
    assert_eq!(code(answer), Code::Valid as u32);
    let from_memory = check(&mut verifier, FOREIGN, demand);
    assert_eq!(code(from_memory), Code::Valid as u32);
    let seen = details(&mut verifier, from_memory);
    assert_eq!(seen, details(&mut verifier, answer));
    assert_eq!((&seen["freshness"], seen["asOf"].as_f64()), (&json!("eventual"), Some(NOW)));
}

#[wasm_bindgen_test]
fn decision_details_are_complete() {
    let mut case = Case::all()[0].clone();
    case.token.name = "a \"quoted\"\n name\u{0} – ü".into();
    case.token.client_id = Some("game".into());
    case.token.metadata = Some(r#"{"team":"ops"}"#.into());
    case.token.expires_at = Some(Timestamp(case.now + 5));
    let mut verifier = Verifier::new(0, false);
    let answer = case.run(&mut verifier, "strong");
    let expected = json!({
        "freshness": "strong", "asOf": case.now, "id": case.token.id, "number": case.token.number,
        "name": case.token.name, "workspace": "demo", "workspaceKey": "0Ab3dE", "ownerId": "ada", "owner": 3,
        "scopes": ["orders:read"], "clientId": "game", "metadata": r#"{"team":"ops"}"#, "expiresAt": case.now + 5,
    });
    assert_eq!(details(&mut verifier, answer), expected);
}

#[wasm_bindgen_test]
fn equal_requirements_share_a_number_and_invalid_ones_fail() {
    let mut verifier = Verifier::new(0, false);
    let first = demand(&mut verifier, "w0Ab3dE\naorders:read");
    assert_eq!(first, 1);
    assert_eq!(demand(&mut verifier, "w0Ab3dE\nfeventual"), 2);
    assert_eq!(demand(&mut verifier, "w0Ab3dE\naorders:read\nfbounded"), first, "the default");
    assert_eq!(demand(&mut verifier, "w0Ab3dE\naorders:read\nfstrong"), 3);
    assert_eq!(demand(&mut verifier, "w0Ab3dE\naorders:read\ne"), 4);
    assert_eq!(verifier.demand(), -1, "the buffer was consumed");
    for (lines, refused) in [("", -1), ("w0", -2), ("w0Ab3dE\na*", -3), ("w0Ab3dE\nfnow", -4), ("w0Ab3dE\n!", -6)] {
        give(&mut verifier, lines.as_bytes());
        assert_eq!(verifier.demand(), refused, "{lines:?}");
    }
    // The address of one check is not stored in the requirement.
    let mut case = Case::all()[0].clone();
    case.token.addresses = vec!["192.0.2.0/24".parse().unwrap()];
    case.demand.address = Some("192.0.2.1".to_owned());
    assert_eq!(code(case.run(&mut verifier, "strong")), Code::Valid as u32);
    verifier.write(b"short", b"192.0.2.1");
    let number = demand(&mut verifier, &case.demand("strong"));
    assert_eq!(code(verifier.check(5, 9, number, NOW)), Code::Malformed as u32);
    assert_eq!(demand(&mut verifier, &case.demand("strong")), number);
    case.demand.address = None;
    assert_eq!(code(case.run(&mut verifier, "strong")), Code::AddressNotAllowed as u32);
}

#[wasm_bindgen_test]
fn number_of_compiled_requirements_is_limited() {
    let mut verifier = Verifier::new(0, false);
    for number in 1..=4096 {
        assert_eq!(demand(&mut verifier, &format!("w0Ab3dE\nas{number}")), number);
    }
    give(&mut verifier, b"w0Ab3dE\nas4097");
    assert_eq!(verifier.demand(), -5);
    assert_eq!(demand(&mut verifier, "w0Ab3dE\nas7"), 7);
}

#[wasm_bindgen_test]
fn invalid_input_is_never_valid_and_never_throws() {
    let unavailable = Code::Unavailable as u32;
    let case = &Case::all()[0];
    let mut verifier = Verifier::new(0, false);
    let yes = case.run(&mut verifier, "eventual");
    assert_eq!(code(yes), Code::Valid as u32);
    let demand = demand(&mut verifier, &case.demand("eventual"));
    for now in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 8.64e15 + 2.0] {
        assert_eq!(check_from(&mut verifier, FOREIGN, "", demand, now), unavailable, "at {now}");
    }
    for unknown in [0, demand + 1, u32::MAX] {
        assert_eq!(check_from(&mut verifier, FOREIGN, "", unknown, NOW), unavailable, "demand {unknown}");
    }
    verifier.write(FOREIGN.as_bytes(), b"");
    assert_eq!(verifier.check(usize::MAX, 0, demand, NOW), unavailable);
    for address in ["no address", "1.2.3", &"1".repeat(63)] {
        let answer = check_from(&mut verifier, FOREIGN, address, demand, NOW);
        assert_eq!(code(answer), Code::Valid as u32, "a token without IP restriction");
    }
    verifier.write(&[b'x'; 513], b"");
    let too_long = verifier.check(513, usize::MAX, demand, NOW);
    assert_eq!(code(too_long), Code::Malformed as u32);

    assert_eq!((verifier.need(yes, 1), verifier.need(u32::MAX, 1), verifier.need(0, 1)), Default::default());
    assert_eq!((verifier.details(u32::MAX), verifier.details(unavailable), verifier.details(0)), Default::default());
    let another_code = yes & !0xff | Code::Revoked as u32;
    assert_eq!((verifier.details(another_code), verifier.need(another_code, 1)), Default::default());
    assert_eq!(supply(&mut verifier, yes, &[]), unavailable, "decided already");

    for nonsense in [vec![], vec![1], vec![9, 0, 0, 0, 1], vec![0; 4], vec![255; 64]] {
        // A verifier without a recorded failure.
        let mut verifier = Verifier::new(0, false);
        let strong = self::demand(&mut verifier, &case.demand("strong"));
        let pending = check(&mut verifier, FOREIGN, strong);
        assert_eq!(code(pending), PENDING);
        assert_eq!(supply(&mut verifier, 0, &[]), unavailable, "no check has number 0");
        give(&mut verifier, &nonsense);
        let answer = verifier.supply(pending, NOW);
        assert_eq!(code(answer), unavailable, "{nonsense:?}");
        assert_eq!(verifier.supply(pending, NOW), unavailable, "once only");
    }
    give(&mut verifier, b"0Ab3dE and no key");
    assert!(!verifier.trust_seal_keys(NOW));
    give(&mut verifier, b"short");
    assert!(!verifier.trust_seal_keys(NOW));
    assert!(verifier.room(usize::MAX).is_null());
    assert!(!verifier.trust_seal_keys(NOW));
}

#[wasm_bindgen_test]
fn only_the_latest_decisions_and_pending_checks_are_held() {
    let case = &Case::all()[0];
    let mut verifier = Verifier::new(0, false);
    let first = case.run(&mut verifier, "eventual");
    let demand = demand(&mut verifier, &case.demand("eventual"));
    for _ in 0..255 {
        check(&mut verifier, FOREIGN, demand);
    }
    assert!(!verifier.details(first).is_empty());
    check(&mut verifier, FOREIGN, demand);
    assert!(verifier.details(first).is_empty());

    let strong = self::demand(&mut verifier, &case.demand("strong"));
    let first = check(&mut verifier, FOREIGN, strong);
    for _ in 0..4095 {
        check(&mut verifier, FOREIGN, strong);
    }
    assert!(!verifier.need(first, 1).is_empty());
    check(&mut verifier, FOREIGN, strong);
    assert!(verifier.need(first, 1).is_empty());
    let answer = case.answer("0Ab3dE", FOREIGN).encode();
    assert_eq!(supply(&mut verifier, first, &[Some(answer)]), Code::Unavailable as u32, "given up");
}
