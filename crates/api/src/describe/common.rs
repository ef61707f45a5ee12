//! The scopes and problem codes that several operations share.

use crate::{
    describe::operation::Needs::{self, Scope},
    http::{ProblemCode, codes::ProblemCode::*},
};

pub(crate) const READ: Needs = Scope("tokens:read");
pub(crate) const WRITE: Needs = Scope("tokens:write");
pub(crate) const VERIFY: Needs = Scope("tokens:verify");
pub(crate) const SNAPSHOTS: Needs = Scope("snapshots:read");
pub(crate) const MANAGE: Needs = Scope("workspace:manage");

/// The problems of a list's query.
pub(crate) const PAGED: &[ProblemCode] = &[InvalidValue, InvalidCursor];

/// The problems of a new token's fields.
pub(crate) const NEW_TOKEN: &[ProblemCode] =
    &[InvalidValue, UnknownScope, UnknownMember, UnknownClient, Escalation, NotYours];
