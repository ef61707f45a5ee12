//! The schemas that all operations share, and each operation's example.

use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

/// Where schemas are, from the document's root.
const SCHEMAS: &str = "/components/schemas";

/// A request that an operation answered, and its answer: true ones, from a deployment.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The request's body, where it has one.
    pub request: Option<Value>,
    /// The answer's, where it is JSON.
    pub response: Option<Value>,
}

/// The examples, by method and path.
pub type Examples = BTreeMap<(&'static str, &'static str), Example>;

/// What requests and answers are made of. The two are apart: a field that may be left out of a request is there in every
/// answer.
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

    /// Every schema by its name. What both sides name alike is alike.
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
