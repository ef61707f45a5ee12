//! Describes an operation by its handler's types: the caller, the input, and the response.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::HeaderMap;
use schemars::JsonSchema;

use crate::{
    auth::{AnonymousCaller, Caller, Root},
    describe::operation::{Needs, Operation},
    http::{Id, Idempotency, IfMatch, Json, Problem, Query, Reply},
    state::App,
};

/// A function with these arguments that handles an operation.
pub(crate) trait Handler<Arguments> {
    fn describe(operation: Operation) -> Operation;
}

/// A part of a request that a handler reads.
pub(crate) trait Input {
    /// Adds nothing by default.
    fn describe(operation: Operation) -> Operation {
        operation
    }
}

/// The response of a handler.
pub(crate) trait Output {
    /// Adds nothing by default: the table describes what the type does not.
    fn describe(operation: Operation) -> Operation {
        operation
    }
}

impl Operation {
    /// Adds what its handler's types describe.
    pub(crate) fn by<Arguments, H: Handler<Arguments>>(self, _: H) -> Self {
        H::describe(self)
    }
}

macro_rules! handler {
    ($($argument:ident)*) => {
        impl<F, Answered, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Answered,
            Answered: Future<Output: Output>,
            $($argument: Input,)*
        {
            fn describe(operation: Operation) -> Operation {
                $(let operation = $argument::describe(operation);)*
                <Answered::Output as Output>::describe(operation)
            }
        }
    };
}

handler!();
handler!(A);
handler!(A B);
handler!(A B C);
handler!(A B C D);
handler!(A B C D E);

impl Input for HeaderMap {}
impl Input for Id {}
impl Input for Request {}
impl<P> Input for Caller<P> {}
impl<P> Input for State<App<P>> {}

impl<P> Input for AnonymousCaller<P> {
    fn describe(operation: Operation) -> Operation {
        operation.needs(Needs::Nothing)
    }
}

impl<P> Input for Root<P> {
    fn describe(operation: Operation) -> Operation {
        operation.needs(Needs::Root)
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(operation: Operation) -> Operation {
        operation.queried::<T>()
    }
}

impl<T: JsonSchema> Input for Json<T> {
    fn describe(operation: Operation) -> Operation {
        operation.takes::<T>()
    }
}

impl<T: JsonSchema> Input for Option<Json<T>> {
    fn describe(operation: Operation) -> Operation {
        operation.may_take::<T>()
    }
}

impl Input for Idempotency {
    fn describe(operation: Operation) -> Operation {
        operation.once()
    }
}

impl Input for IfMatch {
    fn describe(operation: Operation) -> Operation {
        operation.conditional()
    }
}

impl Output for Response {}

impl Output for &'static str {
    fn describe(operation: Operation) -> Operation {
        operation.answers_other("text/plain")
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(operation: Operation) -> Operation {
        operation.answers::<T>()
    }
}

impl<T: JsonSchema> Output for Reply<T> {
    fn describe(operation: Operation) -> Operation {
        operation.answers::<T>()
    }
}

impl<T: Output> Output for Result<T, Problem> {
    fn describe(operation: Operation) -> Operation {
        T::describe(operation)
    }
}
