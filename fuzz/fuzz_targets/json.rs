//! The one reader of JSON that comes in, beside serde_json's own: it takes the same texts but for what it says it does not,
//! and reads the same of them.

#![no_main]

use counterfoil_protocol::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// So begin the names of fields that serde_json takes for something else.
const PRIVATE: &str = "$serde_json::private::";

/// Whether an object has such a field, or, as the text may have had, two of one name. serde_json keeps the last.
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
    let (named, texts, is_number) = fields(value);
    // Fewer names and texts came out than quotes went in, so that one may have been lost.
    is_number
        || names > named + texts
        || text.windows(PRIVATE.len()).any(|part| part == PRIVATE.as_bytes())
        || text.windows(2).any(|part| part == b"\\u")
}

fuzz_target!(|text: &[u8]| {
    let usual = serde_json::from_slice::<Value>(text);
    match (json::parse(text), usual) {
        (Ok(ours), Ok(usual)) => {
            assert_eq!(ours, usual);
            let written = serde_json::to_vec(&ours).expect("a tree is written");
            assert_eq!(json::parse(&written).expect("and read again"), ours);
            assert_eq!(json::tree(&ours), Some(ours.clone()));
            // Nothing is lost on the way to a type, least of all the digits of numbers.
            assert_eq!(json::fit::<Value>(ours.clone()).expect("any value is a value"), ours);
            assert!(json::depth(&ours) <= 127);
            // What does not fit is said without repeating any text of it: so of any text the same is said.
            if ours.is_string() {
                let said = |value| json::fit::<Vec<u8>>(value).expect_err("a text is no list").to_string();
                assert_eq!(said(ours), said(Value::String("another".to_owned())));
            }
        }
        (Ok(_), Err(error)) => panic!("taken, and is no JSON: {error}"),
        (Err(error), Ok(usual)) => assert!(may_differ(text, &usual), "refused: {error}"),
        (Err(_), Err(_)) => {}
    }
});
