//! What several operations need, and what they are refused with.

use crate::{
    describe::operation::Needs::{self, Scope},
    http::{ProblemCode, codes::ProblemCode::*},
};

pub(crate) const READ: Needs = Scope("tokens:read");
pub(crate) const WRITE: Needs = Scope("tokens:write");
pub(crate) const VERIFY: Needs = Scope("tokens:verify");
pub(crate) const SNAPSHOTS: Needs = Scope("snapshots:read");
pub(crate) const MANAGE: Needs = Scope("workspace:manage");

/// What a list's query can be wrong in.
pub(crate) const PAGED: &[ProblemCode] = &[InvalidValue, InvalidCursor];

/// What a new token can ask for in vain.
pub(crate) const NEW_TOKEN: &[ProblemCode] =
    &[InvalidValue, UnknownScope, UnknownMember, UnknownClient, Escalation, NotYours];
