//! What the types' own schemas do not say, or say otherwise than JSON Schema and OpenAPI would have it.

use counterfoil_protocol::openapi::CLEARABLE;
use schemars::Schema;
use serde_json::{Value, json};

/// The body of a `PATCH`: `null` clears a field of type `Patch`, and is refused for every other. For types that derive
/// their schema: an optional field reads there as if `null` were the same as nothing.
pub(crate) fn change(schema: &mut Schema) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let Some(schema) = field.as_object_mut() else { continue };
        // What is absent stays: there is no default.
        schema.remove("default");
        if schema.remove(CLEARABLE).is_none() {
            without_null(field);
        }
    }
}

/// A query's fields as parameters. Nothing in a query is `null`.
pub(crate) fn query(mut schema: Schema) -> Vec<Value> {
    let required = schema.remove("required").unwrap_or_default();
    let required: Vec<_> = required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(Value::Object(fields)) = schema.get("properties").cloned() else { return Vec::new() };
    let parameter = |(name, mut field): (String, Value)| {
        without_null(&mut field);
        let about = field.as_object_mut().and_then(|field| field.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "schema": field });
        if let Some(parameter) = parameter.as_object_mut() {
            parameter.insert("required".to_owned(), required.contains(&&*name).into());
            parameter.extend(about.map(|about| ("description".to_owned(), about)));
        }
        parameter
    };
    fields.into_iter().map(parameter).collect()
}

/// Takes `null` out of a schema that was made of an `Option`.
fn without_null(field: &mut Value) {
    let null = json!("null");
    if let Some(Value::Array(types)) = field.get_mut("type") {
        types.retain(|kind| *kind != null);
        if let [only] = &**types {
            field["type"] = only.clone();
        }
    }
    if let Some(Value::Array(values)) = field.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = field.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != null);
    if let [only] = &**choices {
        let only = only.clone();
        if let (Some(field), Value::Object(only)) = (field.as_object_mut(), only) {
            field.remove("anyOf");
            field.extend(only);
        }
    }
}

/// Goes through the whole document: comments become prose, and an address says of which kinds it is.
pub(crate) fn tidy(document: &mut Value) {
    match document {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(members) => {
            if members.get("format") == Some(&json!("ip")) {
                members.remove("format");
                members.insert("anyOf".to_owned(), json!([{ "format": "ipv4" }, { "format": "ipv6" }]));
            }
            if let Some(Value::String(about)) = members.get_mut("description") {
                *about = prose(about);
            }
            members.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

/// A comment of the code as a text of its own: paragraphs in one line each, links as what they say.
fn prose(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace("[`", "`").replace("`]", "`")
}
