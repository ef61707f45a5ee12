//! Snapshots, driven as JavaScript does after it verified their signatures.

use counterfoil_verify::Code;
use counterfoil_wasm::Verifier;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{NOW, PENDING, check_from, code, demand, details, give, need, vectors};

/// When the snapshots expire.
const END: f64 = NOW + 3_600_000.0;

/// The result of [`Verifier::load`] on success.
const LOADED: i32 = 0;
const UNKNOWN_FORMAT: i32 = -1;
const MALFORMED: i32 = -2;
const EXPIRED: i32 = -3;

fn snapshots() -> Value {
    vectors(include_str!("../../../../tests/vectors/snapshots.json"))
}

fn offline() -> Value {
    vectors(include_str!("../../../../tests/vectors/offline.json"))
}

fn bytes(case: &Value) -> Vec<u8> {
    hex::decode(case["bytes"].as_str().unwrap()).unwrap()
}

fn load(verifier: &mut Verifier, file: &[u8], now: f64) -> i32 {
    give(verifier, file);
    verifier.load(now)
}

/// A requirement for the tokens of the snapshots' workspace.
fn of_snapshots(verifier: &mut Verifier, lines: &str) -> u32 {
    let workspace = offline()["workspace"].as_str().unwrap().to_owned();
    demand(verifier, &format!("w{workspace}\nfsnapshot\n{lines}"))
}

#[wasm_bindgen_test]
fn snapshot_decides_every_vector_without_the_ledger() {
    let (files, offline) = (snapshots(), offline());
    let cases = offline["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let mut verifier = Verifier::new(0, false);
        let file = &files["snapshots"][case["snapshot"].as_u64().unwrap() as usize];
        assert_eq!(load(&mut verifier, &bytes(file), NOW), LOADED);
        let scopes = case["all_of"].as_array().unwrap().iter().map(|scope| format!("a{}\n", scope.as_str().unwrap()));
        let demand = of_snapshots(&mut verifier, &scopes.collect::<String>());
        let (text, address) = (case["text"].as_str().unwrap(), case["address"].as_str().unwrap_or_default());
        let answer = check_from(&mut verifier, text, address, demand, case["now"].as_f64().unwrap());
        let expected: Code = serde_json::from_value(case["code"].clone()).unwrap();
        assert_eq!(code(answer), expected as u32, "{}", case["why"]);
    }
}

#[wasm_bindgen_test]
fn snapshot_decision_details_contain_only_what_snapshots_store() {
    let mut verifier = Verifier::new(0, false);
    let demand = of_snapshots(&mut verifier, "");
    let text = offline()["cases"][1]["text"].as_str().unwrap().to_owned();
    let before = check_from(&mut verifier, &text, "", demand, NOW);
    assert_eq!(code(before), Code::Unavailable as u32, "nothing is loaded, and the ledger is not queried");
    assert_eq!(load(&mut verifier, &bytes(&snapshots()["snapshots"][0]), NOW), LOADED);
    let answer = check_from(&mut verifier, &text, "", demand, NOW + 5.0);
    let expected = json!({
        "freshness": "snapshot", "asOf": NOW as u64, "number": 1000, "workspace": "demo", "workspaceKey": "0Ab3dE",
        "ownerId": "ada", "owner": 3, "scopes": ["orders:read"], "expiresAt": NOW as u64 + 86_400_001,
    });
    assert_eq!(details(&mut verifier, answer), expected);
}

#[wasm_bindgen_test]
fn invalid_snapshot_is_rejected_and_the_loaded_one_is_kept() {
    let (files, text) = (snapshots(), offline()["cases"][0]["text"].as_str().unwrap().to_owned());
    let good = bytes(&files["snapshots"][0]);
    let mut verifier = Verifier::new(0, false);
    assert_eq!(load(&mut verifier, &good, NOW), LOADED);
    assert_eq!(verifier.load(NOW), MALFORMED, "the buffer was consumed");
    // The signature is not verified here.
    let refused = files["refused"].as_array().unwrap().iter().filter(|case| case["error"] != "SIGNATURE");
    let mut count = 0;
    for case in refused {
        let expected = if case["error"] == "UNKNOWN_FORMAT" { UNKNOWN_FORMAT } else { MALFORMED };
        assert_eq!(load(&mut verifier, &bytes(case), NOW), expected, "{}", case["why"]);
        count += 1;
    }
    assert!(count > 20);
    for now in [END, END + 1.0, f64::NAN, -1.0] {
        assert_eq!(load(&mut verifier, &good, now), EXPIRED, "at {now}");
    }
    let demand = of_snapshots(&mut verifier, "");
    assert_eq!(code(check_from(&mut verifier, &text, "", demand, NOW)), Code::Valid as u32);
    assert_eq!(load(&mut verifier, &good, END - 1.0), LOADED);
}

#[wasm_bindgen_test]
fn snapshots_decide_only_requirements_of_snapshot_freshness() {
    let text = offline()["cases"][0]["text"].as_str().unwrap().to_owned();
    let mut verifier = Verifier::new(0, false);
    assert_eq!(load(&mut verifier, &bytes(&snapshots()["snapshots"][0]), NOW), LOADED);
    for freshness in ["strong", "bounded", "eventual"] {
        let demand = demand(&mut verifier, &format!("w0Ab3dE\nf{freshness}"));
        let pending = check_from(&mut verifier, &text, "", demand, NOW);
        assert_eq!(code(pending), PENDING);
        assert_ne!(need(&mut verifier, pending), Value::Null);
    }
}
