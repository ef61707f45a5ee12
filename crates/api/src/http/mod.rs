//! HTTP building blocks that all routes share.

pub(crate) mod body;
pub(crate) mod codes;
mod command_error;
pub(crate) mod conditions;
pub(crate) mod cookies;
pub(crate) mod gateway_request;
pub(crate) mod idempotency;
pub mod identity_headers;
pub(crate) mod origin;
pub(crate) mod patch;
pub(crate) mod presented;
pub(crate) mod problem;
pub mod refused;
pub(crate) mod reply;
pub(crate) mod time;
pub(crate) mod waiting;

pub(crate) use self::{
    body::{Id, Json, Query},
    codes::ProblemCode,
    conditions::IfMatch,
    idempotency::Idempotency,
    problem::Problem,
    reply::Reply,
};
