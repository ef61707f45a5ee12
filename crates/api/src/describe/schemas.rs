//! The schemas that all operations share, and the examples of each operation.

use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

/// Where schemas are in the document.
const SCHEMAS: &str = "/components/schemas";

/// A request to an operation and its response, recorded from a deployment.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The request's body, if it has one.
    pub request: Option<Value>,
    /// The response's body, if it is JSON.
    pub response: Option<Value>,
}

/// The examples, by method and path.
pub type Examples = BTreeMap<(&'static str, &'static str), Example>;

/// The schemas of requests and responses. They are separate, since a field that is optional in a request is present in
/// every response.
pub(crate) struct Schemas {
    pub(crate) bodies: SchemaGenerator,
    pub(crate) replies: SchemaGenerator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = SCHEMAS.into());
        let bodies = settings().for_deserialize().into_generator();
        Self { bodies, replies: settings().for_serialize().into_generator() }
    }

    /// Every schema by its name. If both have a schema of the same name, the two must be equal.
    pub(crate) fn all(mut self, problem: Value) -> Map<String, Value> {
        let mut all = self.bodies.take_definitions(true);
        for (name, schema) in self.replies.take_definitions(true) {
            debug_assert!(all.get(&name).is_none_or(|other| *other == schema), "two schemas are named {name}");
            all.insert(name, schema);
        }
        all.insert("Problem".to_owned(), problem);
        all
    }
}
