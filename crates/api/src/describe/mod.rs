//! How operations are described, for the OpenAPI document. Not part of what is deployed.

pub(crate) mod common;
mod document;
mod handler;
pub(crate) mod no_ports;
pub(crate) mod operation;
pub(crate) mod schema;
pub(crate) mod schemas;

pub(crate) use self::schema::change;
