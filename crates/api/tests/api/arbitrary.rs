//! Arbitrary JSON, some of it almost a valid body.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value};

/// Values with these names of fields, and with these among the strings.
pub(crate) fn json(names: &'static [&'static str], texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..9_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z:.*]{0,12}".prop_map(Value::from),
        "[0-9a-f]{64}".prop_map(Value::from),
        select(texts).prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(40, 60, 4, move |inner| {
        let fields = object(names, inner.clone());
        prop_oneof![vec(inner, 0..4).prop_map(Value::from), fields]
    });
    nested.boxed()
}

/// Objects with these fields.
pub(crate) fn object(names: &'static [&'static str], value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let fields = vec((select(names).prop_map(str::to_owned), value), 0..5);
    fields.prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())).boxed()
}
