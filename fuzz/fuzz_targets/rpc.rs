//! JSON-RPC messages of softvisio's API: each message that expects a response gets one with its own id, and the number of
//! messages is limited.

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
            assert!(method.as_ref().is_none_or(|method| *method == message.method), "the path names the method");
            let Some(answer) = message.answer else {
                assert_eq!(message.id, None);
                continue;
            };
            let answer = json::parse(&answer).expect("a response is JSON");
            assert_eq!(answer.get("jsonrpc").and_then(Value::as_str), Some("2.0"));
            assert_eq!(answer.get("id"), message.id.as_ref());
        }
    }
    _ = rpc::options(body);
});
