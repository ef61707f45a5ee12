//! Corrections to the schemas that the types derive.

use counterfoil_protocol::openapi::CLEARABLE;
use schemars::Schema;
use serde_json::{Value, json};

/// The body of a `PATCH`: `null` clears a field of type `Patch` and is rejected for all others. The derived schema of an
/// optional field would allow `null` as if it were absent.
pub(crate) fn change(schema: &mut Schema) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let Some(schema) = field.as_object_mut() else { continue };
        // An absent field is unchanged: there is no default.
        schema.remove("default");
        if schema.remove(CLEARABLE).is_none() {
            without_null(field);
        }
    }
}

/// A query's fields as parameters. A query has no `null`.
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

/// Removes `null` from the schema of an `Option`.
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

/// Post-processes the whole document: unwraps comments, and gives IP addresses their two formats.
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

/// A doc comment as a description: each paragraph on one line, links without brackets.
fn prose(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace("[`", "`").replace("`]", "`")
}
