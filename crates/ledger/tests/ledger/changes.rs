//! Empty updates, so that a test only states what it changes: `UpdateToken { name, ..of_token(id) }`.

use counterfoil_protocol::command::{Patch, UpdateMember, UpdateToken, UpdateWorkspace};

pub(crate) fn of_token(id: &str) -> UpdateToken {
    UpdateToken {
        id: id.to_owned(),
        name: None,
        note: Patch::Keep,
        enabled: None,
        scopes: None,
        lifetime: Patch::Keep,
        not_before: Patch::Keep,
        allowed_addresses: None,
        metadata: Patch::Keep,
    }
}

pub(crate) fn of_member(id: &str) -> UpdateMember {
    UpdateMember {
        id: id.to_owned(),
        name: None,
        email: Patch::Keep,
        subject: Patch::Keep,
        subject_issuer: None,
        role: None,
        grants: None,
        quota: Patch::Keep,
        suspended: None,
        revoke_all: false,
    }
}

pub(crate) fn of_workspace() -> UpdateWorkspace {
    UpdateWorkspace {
        name: None,
        prefix: None,
        default_quota: None,
        max_lifetime: Patch::Keep,
        session_length: None,
        lease_max: None,
        snapshot_max: None,
        audit_retention: Patch::Keep,
        allowed_origins: None,
        identity_providers: None,
    }
}
