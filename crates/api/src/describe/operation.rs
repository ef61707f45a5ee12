//! One operation: what it takes, what it answers, and every code it can be refused with.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    describe::{
        schema,
        schemas::{Example, Schemas},
    },
    http::{
        codes::{
            self,
            ProblemCode::{self, *},
        },
        waiting::Waited,
    },
};

/// The status that says that nothing has changed (RFC 9110, section 15.4.5).
const NOT_MODIFIED: u16 = 304;

/// One method of one path.
#[derive(Clone)]
pub struct Operation {
    /// The method, as a request names it.
    pub method: &'static str,
    /// The path's pattern, as the router has it.
    pub path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &'static str,
    needs: Needs,
    query: Option<SchemaOf>,
    body: Option<(SchemaOf, Presence)>,
    once: bool,
    status: u16,
    answer: Content,
    located: bool,
    tagged: bool,
    revalidates: bool,
    conditional: bool,
    waits: bool,
    refuses: Vec<ProblemCode>,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody.
    Nothing,
    /// Whoever has a token that is live.
    Token,
    /// Whoever has a token with this scope.
    Scope(&'static str),
    /// Whoever has a session that goes on.
    Session,
    /// The root token, in the workspace that it names.
    RootThere,
    /// The root token, in no workspace.
    Root,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Whether a body must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

#[derive(Clone, Copy)]
enum Content {
    Nothing,
    Json(SchemaOf),
    /// Of another media type.
    Other(&'static str),
}

pub(crate) fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("GET", path, id, summary)
}

pub(crate) fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("POST", path, id, summary)
}

pub(crate) fn put(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("PUT", path, id, summary)
}

pub(crate) fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("PATCH", path, id, summary)
}

pub(crate) fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("DELETE", path, id, summary)
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            about: "",
            needs: Needs::Token,
            query: None,
            body: None,
            once: false,
            status: 200,
            answer: Content::Nothing,
            located: false,
            tagged: false,
            revalidates: false,
            conditional: false,
            waits: false,
            refuses: Vec::new(),
        }
    }

    /// More than its summary says.
    pub(crate) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    pub(crate) fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    /// It reads a query.
    pub(crate) fn queried<T: JsonSchema>(self) -> Self {
        Self { query: Some(T::json_schema), ..self }
    }

    /// It reads a body.
    pub(crate) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Some((SchemaGenerator::subschema_for::<T>, Presence::Required)), ..self }
    }

    /// It reads a body where there is one.
    pub(crate) fn may_take<T: JsonSchema>(self) -> Self {
        Self { body: Some((SchemaGenerator::subschema_for::<T>, Presence::Optional)), ..self }
    }

    /// It takes an `Idempotency-Key`.
    pub(crate) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    pub(crate) fn answers<T: JsonSchema>(self) -> Self {
        Self { answer: Content::Json(SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// It answers something that is not JSON.
    pub(crate) fn answers_other(self, media_type: &'static str) -> Self {
        Self { answer: Content::Other(media_type), ..self }
    }

    /// The status of its answer, where that is not 200.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Its answer says in `Location` where to go on.
    pub(crate) fn located(self) -> Self {
        Self { located: true, ..self }
    }

    /// Its answer is a token, with its `ETag`.
    pub(crate) fn tagged(self) -> Self {
        Self { tagged: true, ..self }
    }

    /// Its answer has an `ETag`; to who names that in `If-None-Match` it is 304.
    pub(crate) fn revalidates(self) -> Self {
        Self { revalidates: true, ..self }
    }

    /// It changes a token, and takes an `If-Match`.
    pub(crate) fn conditional(self) -> Self {
        Self { conditional: true, tagged: true, ..self }
    }

    /// It can be asked to wait, and then says so in its answer.
    pub(crate) fn waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// What it is refused with, besides what follows from all the rest.
    pub(crate) fn refuses(mut self, codes: &[ProblemCode]) -> Self {
        self.refuses.extend(codes);
        self
    }

    /// The statuses of its answer where it is carried out.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        if self.revalidates { vec![self.status, NOT_MODIFIED] } else { vec![self.status] }
    }

    /// Every code it can be refused with.
    #[must_use]
    pub fn codes(&self) -> Vec<&'static str> {
        self.problem_codes().into_iter().map(ProblemCode::as_str).collect()
    }

    fn problem_codes(&self) -> Vec<ProblemCode> {
        let mut codes = self.refuses.clone();
        codes.extend(self.credential_codes());
        if self.query.is_some() {
            codes.push(InvalidQuery);
        }
        if self.body.is_some() {
            codes.extend([InvalidJson, BodyIncomplete, BodyTooLarge, UnsupportedMediaType, InvalidBody]);
        }
        if self.conditional {
            codes.push(PreconditionFailed);
        }
        if self.once {
            codes.extend([InvalidIdempotencyKey, IdempotencyMismatch, TooManyKeys]);
        }
        codes
    }

    /// What the credential that it needs brings with it.
    fn credential_codes(&self) -> Vec<ProblemCode> {
        // The wasm instance may be lost in any request.
        let mut codes = vec![Interrupted];
        if self.needs == Needs::Nothing {
            return codes;
        }
        codes.extend([
            NoCredential,
            UnreadableCredential,
            AmbiguousCredential,
            WorkspaceRequired,
            Internal,
            LedgerUnavailable,
            BeingUpdated,
            OriginNotAllowed,
        ]);
        if self.needs == Needs::Root {
            codes.push(RootOnly);
            return codes;
        }
        codes.extend([Malformed, Unknown, WorkspaceSuspended, Revoked, OwnerSuspended]);
        codes.push(RateLimited);
        codes.extend([Disabled, Expired, NotYetValid, AddressNotAllowed, NotFound, SessionEnded]);
        if self.method != "GET" {
            codes.push(CrossOrigin);
        }
        match self.needs {
            Needs::Scope(scope) => {
                codes.push(InsufficientScope);
                if self.method != "GET" && matches!(scope, "tokens:write" | "workspace:manage") {
                    codes.push(ReplacedText);
                }
            }
            Needs::RootThere => codes.push(RootOnly),
            Needs::Nothing | Needs::Token | Needs::Session | Needs::Root => {}
        }
        codes
    }

    /// The operation as the document has it.
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
            Needs::Nothing => "Needs no token.".to_owned(),
            Needs::Token => "Needs a live token, and no scope.".to_owned(),
            Needs::Session => "Needs a session.".to_owned(),
            Needs::Scope(scope) => format!("Needs the scope `{scope}`."),
            Needs::RootThere => "Needs the root token, which names the workspace.".to_owned(),
            Needs::Root => "Needs the root token.".to_owned(),
        };
        if self.about.is_empty() { needs } else { format!("{} {needs}", self.about) }
    }

    /// What the path is about: its first name behind the version.
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
            Needs::RootThere | Needs::Root => return json!([{ "bearer": [] }, { "apiKey": [] }]),
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
        let unchanged = json!({ "description": "The caller has it already.", "headers": headers });
        let mut answer = json!({ "description": "Carried out.", "headers": headers });
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

/// The answer of one status, which comes with one of these codes.
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
