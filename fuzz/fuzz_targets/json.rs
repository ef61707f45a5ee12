//! The parser of incoming JSON, compared with serde_json's: it accepts the same input, except for the cases that it
//! documents, and returns the same values.

#![no_main]

use counterfoil_protocol::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The prefix of the field names that serde_json interprets specially.
const PRIVATE: &str = "$serde_json::private::";

/// Whether an object has such a field, or may have had two fields of one name, of which serde_json keeps the last.
fn may_differ(text: &[u8], value: &Value) -> bool {
    let names = text.iter().filter(|byte| **byte == b'"').count() / 2;
    fn fields(value: &Value) -> (usize, usize, bool) {
        match value {
            Value::Array(items) => items.iter().map(fields).fold((0, 0, false), sum),
            Value::Object(map) => {
                let inner = map.values().map(fields).fold((0, 0, false), sum);
                sum(inner, (map.len(), 0, map.keys().any(|name| name.starts_with(PRIVATE))))
            }
            Value::String(_) => (0, 1, false),
            _ => (0, 0, false),
        }
    }
    fn sum(one: (usize, usize, bool), other: (usize, usize, bool)) -> (usize, usize, bool) {
        (one.0 + other.0, one.1 + other.1, one.2 || other.2)
    }
    let (named, strings, is_private) = fields(value);
    // The value has fewer names and strings than the input, so a duplicate field may have been dropped.
    is_private
        || names > named + strings
        || text.windows(PRIVATE.len()).any(|part| part == PRIVATE.as_bytes())
        || text.windows(2).any(|part| part == b"\\u")
}

fuzz_target!(|text: &[u8]| {
    let usual = serde_json::from_slice::<Value>(text);
    match (json::parse(text), usual) {
        (Ok(ours), Ok(usual)) => {
            assert_eq!(ours, usual);
            let written = serde_json::to_vec(&ours).expect("a value serializes");
            assert_eq!(json::parse(&written).expect("a serialized value parses"), ours);
            assert_eq!(json::tree(&ours), Some(ours.clone()));
            // Conversion to a type loses nothing, not even digits of numbers.
            assert_eq!(json::fit::<Value>(ours.clone()).expect("every value converts to a Value"), ours);
            assert!(json::depth(&ours) <= 127);
            // The error for a value of the wrong type does not quote it, so it is the same for every string.
            if ours.is_string() {
                let error = |value| json::fit::<Vec<u8>>(value).expect_err("a string is not a list").to_string();
                assert_eq!(error(ours), error(Value::String("another".to_owned())));
            }
        }
        (Ok(_), Err(error)) => panic!("accepted, but not JSON: {error}"),
        (Err(error), Ok(usual)) => assert!(may_differ(text, &usual), "rejected: {error}"),
        (Err(_), Err(_)) => {}
    }
});
