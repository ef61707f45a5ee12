//! Descriptions of the operations, for the OpenAPI document. Not part of the deployment.

pub(crate) mod common;
mod document;
mod handler;
pub(crate) mod no_ports;
pub(crate) mod operation;
pub(crate) mod schema;
pub(crate) mod schemas;

pub(crate) use self::schema::change;
