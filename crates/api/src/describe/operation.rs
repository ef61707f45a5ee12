//! One operation: its input, its responses, and every code that it can be rejected with.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::http::{ProblemCode, codes::ProblemCode::*};

/// The status of an unchanged resource (RFC 9110, section 15.4.5).
pub(super) const NOT_MODIFIED: u16 = 304;

/// One method of one path.
#[derive(Clone)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path's pattern, as in the router.
    pub path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) needs: Needs,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<(SchemaOf, Presence)>,
    pub(super) once: bool,
    pub(super) status: u16,
    pub(super) answer: Content,
    pub(super) located: bool,
    pub(super) tagged: bool,
    pub(super) revalidates: bool,
    pub(super) conditional: bool,
    pub(super) waits: bool,
    pub(super) refuses: Vec<ProblemCode>,
}

/// The credential that an operation requires.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// None.
    Nothing,
    /// A live token.
    Token,
    /// A token with this scope.
    Scope(&'static str),
    /// A live session.
    Session,
    /// The root token, in the workspace that it names.
    RootInWorkspace,
    /// The root token, without a workspace.
    Root,
}

pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Whether a body is required.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

#[derive(Clone, Copy)]
pub(super) enum Content {
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

    /// A description beyond the summary.
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

    /// It reads an optional body.
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

    /// Its response is not JSON.
    pub(crate) fn answers_other(self, media_type: &'static str) -> Self {
        Self { answer: Content::Other(media_type), ..self }
    }

    /// The status of its response, if it is not 200.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Its response has a `Location`.
    pub(crate) fn located(self) -> Self {
        Self { located: true, ..self }
    }

    /// Its response is a token, with its `ETag`.
    pub(crate) fn tagged(self) -> Self {
        Self { tagged: true, ..self }
    }

    /// Its response has an `ETag`; it is 304 if `If-None-Match` names that.
    pub(crate) fn revalidates(self) -> Self {
        Self { revalidates: true, ..self }
    }

    /// It changes a token, and takes an `If-Match`.
    pub(crate) fn conditional(self) -> Self {
        Self { conditional: true, tagged: true, ..self }
    }

    /// It accepts `wait`, and then reports the wait in its response.
    pub(crate) fn waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// Codes that it is rejected with, in addition to those that follow from the rest.
    pub(crate) fn refuses(mut self, codes: &[ProblemCode]) -> Self {
        self.refuses.extend(codes);
        self
    }

    /// The statuses of its successful responses.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        if self.revalidates { vec![self.status, NOT_MODIFIED] } else { vec![self.status] }
    }

    /// Every code that it can be rejected with.
    #[must_use]
    pub fn codes(&self) -> Vec<&'static str> {
        self.problem_codes().into_iter().map(ProblemCode::as_str).collect()
    }

    pub(super) fn problem_codes(&self) -> Vec<ProblemCode> {
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

    /// The codes that follow from the credential that it requires.
    fn credential_codes(&self) -> Vec<ProblemCode> {
        // Any request can lose the wasm instance.
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
            Needs::RootInWorkspace => codes.push(RootOnly),
            Needs::Nothing | Needs::Token | Needs::Session | Needs::Root => {}
        }
        codes
    }
}
