//! The strict JSON reader: what it accepts, and its errors.

use std::collections::BTreeMap;

use counterfoil_protocol::json::{fit, parse, tree};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: u32,
    note: Option<String>,
    #[serde(default)]
    lines: Vec<(i64, Kind)>,
    #[serde(default)]
    tags: BTreeMap<String, bool>,
    #[serde(default)]
    any: Value,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    Named(String),
    Sized { width: f64 },
}

/// The error for a value that cannot be decoded: its location and reason.
#[track_caller]
fn decode_error<T: DeserializeOwned>(value: Value) -> (String, String) {
    let Err(error) = fit::<T>(value) else { panic!("it fits") };
    (error.pointer(), error.to_string())
}

#[test]
fn json_round_trips() {
    let order = Order {
        id: 7,
        note: None,
        lines: vec![(-1, Kind::Plain), (2, Kind::Named("x".to_owned())), (3, Kind::Sized { width: 0.5 })],
        tags: BTreeMap::from([("a/b".to_owned(), true)]),
        any: json!({ "deep": [1, null, "x"] }),
    };
    assert_eq!(fit::<Order>(tree(&order).unwrap()).unwrap(), order);
    assert_eq!(fit::<Order>(json!({ "id": 7 })).unwrap().lines, []);
}

#[test]
fn json_decode_error_points_to_the_value() {
    for (value, pointer, why) in [
        (json!([1, null, []]), "", "expected an object, found a list"),
        (json!("cft_secret"), "", "expected an object, found a string"),
        (json!({ "id": "secret" }), "/id", "expected a whole number from 0 to 4294967295, found a string"),
        (json!({ "id": -1 }), "/id", "expected a whole number from 0 to 4294967295, found -1"),
        (json!({ "id": 4_294_967_296_u64 }), "/id", "expected a whole number from 0 to 4294967295, found 4294967296"),
        (json!({ "id": 7.5 }), "/id", "expected a whole number from 0 to 4294967295, found a fractional number"),
        (json!({ "id": null }), "/id", "expected a whole number from 0 to 4294967295, found null"),
        (json!({ "id": true }), "/id", "expected a whole number from 0 to 4294967295, found true"),
        (json!({}), "/id", "the field `id` is missing"),
        (json!({ "id": 1, "note": {} }), "/note", "expected a string, found an object"),
        (json!({ "id": 1, "lines": [[1, "plain"], [2]] }), "/lines/1", "expected a list of 2, found 1 items"),
        (json!({ "id": 1, "lines": [[1, "secret"]] }), "/lines/0/1", "expected one of `plain`, `named`, `sized`"),
        (json!({ "id": 1, "lines": [[1, { "named": 1 }]] }), "/lines/0/1", "expected a string, found 1"),
        (json!({ "id": 1, "lines": [[1, { "sized": [1] }]] }), "/lines/0/1", "expected an object, found a list"),
        (json!({ "id": 1, "tags": { "a/b~c": 1 } }), "/tags/a~1b~0c", "expected true or false, found 1"),
    ] {
        assert_eq!(decode_error::<Order>(value.clone()), (pointer.to_owned(), why.to_owned()), "{value}");
    }
    let (pointer, why) = decode_error::<Order>(json!({ "id": 1, "surprise": "secret" }));
    assert_eq!(pointer, "/surprise");
    assert!(why.starts_with("unknown field `surprise`. Allowed: `id`, `note`, `lines`"), "{why}");
    assert!(!why.contains("secret"), "{why}");
    for value in [json!({ "plain": 1 }), json!("named"), json!({ "named": "x", "sized": 1 }), json!({}), json!(7)] {
        assert!(fit::<Kind>(value.clone()).is_err(), "{value}");
    }
}

#[test]
fn malformed_json_is_reported() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for text in ["", "{", "secret", "{\"a\":1}x", "[1,]", r#"{"a":1,"a":2}"#, r#"{"b":{"a":1,"\u0061":2}}"#, &deep] {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(parse(b"\"\xff\"").is_err());
    assert_eq!(parse(br#" {"a":[1,-1,0.5,null,true,"x"]} "#).unwrap(), json!({ "a": [1, -1, 0.5, null, true, "x"] }));
}

/// Numbers that a Rust number type would round or format differently.
const NUMBERS: [&str; 13] = [
    "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    "1.10",
    "1e+2",
    "2.50e-3",
    "1e+400",
    "-0",
    "-0.0",
    "18446744073709551616",
    "9007199254740993.0",
    "7",
    "0.5",
];

#[test]
fn json_numbers_keep_their_notation() {
    for number in NUMBERS {
        let text = format!(r#"{{"any":{{"deep":[{number},{{"n":{number}}}]}},"id":7}}"#);
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(read.to_string(), text);
        let order: Order = fit(read).unwrap();
        assert_eq!(order.any.to_string(), format!(r#"{{"deep":[{number},{{"n":{number}}}]}}"#));
        assert_eq!(tree(&order).unwrap()["any"], order.any);
    }
    // Only the sign of an exponent is added, and its letter converted to lower case.
    for (number, kept) in [("1e2", "1e+2"), ("1.50E2", "1.50e+2"), ("1E-2", "1e-2")] {
        assert_eq!(parse(number.as_bytes()).unwrap().to_string(), kept);
    }
    // A type that requests a number gets its value.
    assert_eq!(fit::<f64>(parse(b"1e2").unwrap()).unwrap(), 100.0);
    assert!(fit::<u64>(parse(b"18446744073709551616").unwrap()).is_err());
    assert!(fit::<f64>(parse(b"1e400").unwrap()).is_err());
}

#[test]
fn json_object_is_not_decoded_as_another_type() {
    for text in [
        r#"{"$serde_json::private::RawValue":"[1,2]"}"#,
        r#"{"any":{"$serde_json::private::RawValue":"{\"x\":1,\"x\":2}","b":3}}"#,
        r#"{"any":{"b":3,"$serde_json::private::RawValue":"1"}}"#,
        r#"{"any":{"$serde_json::private::Spanned":"1"}}"#,
        r#"{"$serde_json::private::Number":"7"}"#,
        r#"{"any":{"$serde_json::private::Number":"7"}}"#,
        r#"[{"a":1,"$serde_json::private::Number":"x"}]"#,
        r#"{"\u0024serde_json::private::Number":{}}"#,
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
    let text = r#"{"name":"$serde_json::private::Number"}"#;
    assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
}
