//! Messages of JSON-RPC, as softvisio has it: each that wants an answer gets one with its own id, and no more are taken than
//! are answered.

#![no_main]

use counterfoil_api::fuzzing::{self, rpc};
use counterfoil_protocol::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Ok(body) = fuzzing::body(input) else { return };
    assert!(json::depth(&body) <= 100);
    for method in [None, Some("/v1/api-tokens/read".to_owned())] {
        let Some(messages) = rpc::messages(Some(body.clone()), method.clone()) else { continue };
        assert!((1..=100).contains(&messages.len()));
        for message in messages {
            assert!(method.as_ref().is_none_or(|method| *method == message.method), "the address names the method");
            let Some(answer) = message.answer else {
                assert_eq!(message.id, None);
                continue;
            };
            let answer = json::parse(&answer).expect("an answer is JSON");
            assert_eq!(answer.get("jsonrpc").and_then(Value::as_str), Some("2.0"));
            assert_eq!(answer.get("id"), message.id.as_ref());
        }
    }
    _ = rpc::options(body);
});
