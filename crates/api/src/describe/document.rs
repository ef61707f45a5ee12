//! An operation's entry in the OpenAPI document.

use std::collections::BTreeMap;

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    describe::{
        operation::{Content, NOT_MODIFIED, Needs, Operation, Presence},
        schema,
        schemas::{Example, Schemas},
    },
    http::{codes, waiting::Waited},
};

impl Operation {
    /// The operation's entry in the document.
    pub(crate) fn describe(&self, schemas: &mut Schemas, example: Example) -> Value {
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description(),
            "tags": [self.tag()],
            "parameters": self.parameters(schemas),
            "security": self.security(),
            "responses": self.responses(schemas, example.response),
        });
        if let (Some((schema, presence)), Some(described)) = (self.body, described.as_object_mut()) {
            let content = json_content(schema(&mut schemas.bodies), example.request);
            let body = json!({ "required": presence == Presence::Required, "content": content });
            described.insert("requestBody".to_owned(), body);
        }
        described
    }

    fn description(&self) -> String {
        let needs = match self.needs {
            Needs::Nothing => "Requires no token.".to_owned(),
            Needs::Token => "Requires a valid token, and no scope.".to_owned(),
            Needs::Session => "Requires a session.".to_owned(),
            Needs::Scope(scope) => format!("Requires the scope `{scope}`."),
            Needs::RootInWorkspace => {
                "Requires the root token, and the workspace's slug in `X-Counterfoil-Workspace`.".to_owned()
            }
            Needs::Root => "Requires the root token.".to_owned(),
        };
        if self.about.is_empty() { needs } else { format!("{} {needs}", self.about) }
    }

    /// The operation's tag: the first segment of the path after the version.
    fn tag(&self) -> &'static str {
        match self.path.split('/').nth(2).unwrap_or("service") {
            "workspaces" => "workspace",
            "verify" | "records" | "lease" | "snapshot" => "verification",
            "session" => "sessions",
            tag => tag,
        }
    }

    fn security(&self) -> Value {
        let scopes: Vec<_> = match self.needs {
            Needs::Nothing => return json!([]),
            Needs::Scope(scope) => vec![scope],
            Needs::Session => return json!([{ "session": [] }]),
            Needs::RootInWorkspace | Needs::Root => return json!([{ "bearer": [] }, { "apiKey": [] }]),
            Needs::Token => vec![],
        };
        json!([{ "bearer": scopes }, { "apiKey": scopes }, { "session": scopes }])
    }

    fn parameters(&self, schemas: &mut Schemas) -> Value {
        let mut parameters = Vec::new();
        if self.path.contains("{id}") {
            parameters.push(json!({
                "name": "id",
                "in": "path",
                "required": true,
                "description": "The id, percent-encoded.",
                "schema": { "type": "string", "minLength": 1 },
            }));
        }
        if let Some(query) = self.query {
            parameters.extend(schema::query(query(&mut schemas.bodies)));
        }
        if self.once {
            parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        }
        if self.conditional {
            parameters.push(json!({ "$ref": "#/components/parameters/IfMatch" }));
        }
        if self.revalidates {
            parameters.push(json!({ "$ref": "#/components/parameters/IfNoneMatch" }));
        }
        if !matches!(self.needs, Needs::Nothing | Needs::Root | Needs::Session) {
            parameters.push(json!({ "$ref": "#/components/parameters/Workspace" }));
        }
        Value::Array(parameters)
    }

    fn responses(&self, schemas: &mut Schemas, example: Option<Value>) -> Value {
        let mut headers = header("X-Request-Id", "RequestId");
        if self.located {
            headers.extend(header("Location", "Location"));
        }
        if self.tagged {
            headers.extend(header("ETag", "ETag"));
        }
        if self.revalidates {
            headers.extend(header("ETag", "FileTag"));
        }
        if self.once {
            headers.extend(header("Idempotent-Replayed", "Replayed"));
        }
        let unchanged =
            json!({ "description": "Not modified: the caller has the current version.", "headers": headers });
        let mut answer = json!({ "description": "Success.", "headers": headers });
        if let Some(answer) = answer.as_object_mut() {
            match self.answer {
                Content::Nothing => None,
                Content::Json(schema) => {
                    let mut schema = schema(&mut schemas.replies);
                    if self.waits {
                        let waited = schemas.replies.subschema_for::<Waited>();
                        schema = json_schema!({ "allOf": [schema, { "properties": { "waited": waited } }] });
                    }
                    answer.insert("content".to_owned(), json_content(schema, example))
                }
                Content::Other(media_type) => answer.insert("content".to_owned(), json!({ (media_type): {} })),
            };
        }
        let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        let refused = self.codes();
        for meaning in codes::all().filter(|meaning| refused.contains(&meaning.code)) {
            for status in meaning.statuses {
                by_status.entry(*status).or_default().push(meaning.code);
            }
        }
        let problems = by_status.into_iter().map(|(status, codes)| (status.to_string(), problem(status, &codes)));
        let unchanged = self.revalidates.then(|| (NOT_MODIFIED.to_string(), unchanged));
        Value::Object(problems.chain([(self.status.to_string(), answer)]).chain(unchanged).collect())
    }
}

/// The response with one status, which comes with one of these codes.
fn problem(status: u16, codes: &[&str]) -> Value {
    let mut headers = header("X-Request-Id", "RequestId");
    match status {
        401 => headers.extend(header("WWW-Authenticate", "Challenge")),
        429 | 503 => headers.extend(header("Retry-After", "RetryAfter")),
        _ => {}
    }
    let about: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let these = json!({ "properties": { "status": { "const": status }, "code": { "enum": codes } } });
    json!({
        "description": about.join(", "),
        "headers": headers,
        "content": { "application/problem+json": {
            "schema": { "allOf": [{ "$ref": "#/components/schemas/Problem" }, these] },
        } },
    })
}

fn json_content(schema: Schema, example: Option<Value>) -> Value {
    let mut content = json!({ "schema": schema });
    if let (Some(content), Some(example)) = (content.as_object_mut(), example) {
        content.insert("example".to_owned(), example);
    }
    json!({ "application/json": content })
}

fn header(name: &str, component: &str) -> Map<String, Value> {
    let reference = json!({ "$ref": format!("#/components/headers/{component}") });
    Map::from_iter([(name.to_owned(), reference)])
}
