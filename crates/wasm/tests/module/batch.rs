//! Batches: many token values in one call, four hashes at a time.

use counterfoil_verify::Code;
use counterfoil_wasm::Verifier;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{NOW, check, code, demand, need, tokens};

const UNAVAILABLE: u32 = Code::Unavailable as u32;

/// The answers to these texts, together.
fn check_all(verifier: &mut Verifier, texts: &[&str], demand: u32, now: f64) -> Vec<u32> {
    verifier.write_batch(&texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
    verifier.check_all(texts.len(), 0, demand, now);
    assert!(verifier.is_wiped());
    verifier.answers()[..texts.len()].to_vec()
}

#[wasm_bindgen_test]
fn digests_of_a_batch_are_those_of_the_vectors() {
    let tokens = tokens();
    let valid = tokens["valid"].as_array().unwrap();
    let text = |at: usize| valid[at % valid.len()]["text"].as_str().unwrap();
    let workspaces: Vec<_> = valid.iter().map(|case| format!("w{}", case["workspace"].as_str().unwrap())).collect();
    let mut verifier = Verifier::new(0, false);
    let demand = demand(&mut verifier, &(workspaces.join("\n") + "\nfstrong"));
    for count in [1, 3, 4, 7, 64] {
        for from in 0..valid.len() {
            let texts: Vec<_> = (from..from + count).map(text).collect();
            let answers = check_all(&mut verifier, &texts, demand, NOW);
            for (at, answer) in answers.into_iter().enumerate() {
                let asked = need(&mut verifier, answer);
                assert_eq!(asked["digests"], serde_json::json!([valid[(from + at) % valid.len()]["digest"]]));
            }
        }
    }
}

#[wasm_bindgen_test]
fn values_that_are_no_tokens_get_the_same_codes_in_a_batch() {
    let tokens = tokens();
    let texts: Vec<_> = ["malformed", "valid", "malformed"]
        .iter()
        .flat_map(|kind| tokens[*kind].as_array().unwrap())
        .map(|case| case["text"].as_str().unwrap())
        .filter(|text| text.len() <= 513)
        .collect();
    let mut verifier = Verifier::new(0, false);
    let demand = demand(&mut verifier, "w0Ab3dE");
    for texts in texts.chunks(64) {
        let alone: Vec<_> = texts.iter().map(|text| code(check(&mut verifier, text, demand))).collect();
        let together = check_all(&mut verifier, texts, demand, NOW);
        assert_eq!(together.into_iter().map(code).collect::<Vec<_>>(), alone);
    }
}

#[wasm_bindgen_test]
fn no_answer_of_an_earlier_batch_is_left() {
    let mut verifier = Verifier::new(0, false);
    let demand = demand(&mut verifier, "w0Ab3dE");
    let texts = ["short"; 64];
    for (number, now) in [(0, NOW), (demand + 1, NOW), (demand, f64::NAN), (demand, -1.0)] {
        let codes: Vec<_> = check_all(&mut verifier, &texts, demand, NOW).into_iter().map(code).collect();
        assert_eq!(codes, [Code::Malformed as u32; 64]);
        assert_eq!(check_all(&mut verifier, &texts, number, now), [UNAVAILABLE; 64]);
    }
    verifier.check_all(usize::MAX, usize::MAX, demand, NOW);
    assert!(verifier.answers().iter().all(|answer| code(*answer) == Code::Malformed as u32), "no text is left, either");
}
