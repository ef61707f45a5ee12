//! Tokens in Databricks' format.

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{ScopeSet, Timestamp};
use serde::Serialize;

use crate::{dialects::tokens::Token, http::time::DAY};

/// The body of a response; `{}` if it is empty.
#[derive(Default, Serialize)]
pub(super) struct Content {
    /// The token value, returned only here.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_info: Option<Info>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_infos: Option<Vec<Info>>,
}

impl Content {
    pub(super) fn issued(info: Info, text: Option<String>) -> Self {
        Self { token_value: text, ..Self::of(info) }
    }

    pub(super) fn of(info: Info) -> Self {
        Self { token_info: Some(info), ..Self::default() }
    }

    pub(super) fn listed(infos: Vec<Info>) -> Self {
        Self { token_infos: Some(infos), ..Self::default() }
    }
}

/// A token. Times are milliseconds since 1970.
#[derive(Serialize)]
pub(super) struct Info {
    token_id: Digest,
    creation_time: u64,
    /// -1 if there is none.
    expiry_time: i64,
    comment: String,
    scopes: ScopeSet,
    /// Absent if unknown. This and the following are also absent in the owner's own list.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<u64>,
    /// When the day (UTC) of its last use began.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_day: Option<u64>,
}

impl Info {
    /// As its owner sees it.
    pub(super) fn of(token: &Token) -> Self {
        Self {
            token_id: token.digest,
            creation_time: token.created_at.0,
            expiry_time: token.expires_at.map_or(-1, |Timestamp(end)| i64::try_from(end).unwrap_or(i64::MAX)),
            comment: token.name.clone(),
            scopes: token.scopes.clone(),
            last_accessed_time: token.last_used_at.map(|Timestamp(last)| last),
            created_by_id: None,
            created_by_username: None,
            owner_id: None,
            workspace_id: None,
            last_used_day: None,
        }
    }

    /// As admins see it. Its owner is named as its creator: Databricks expects a member there, but the creator may be
    /// root.
    pub(super) fn in_full(token: &Token, workspace: WorkspaceKey) -> Self {
        Self {
            last_accessed_time: None,
            created_by_id: Some(token.owner.number),
            created_by_username: Some(token.owner.id.clone()),
            owner_id: Some(token.owner.number),
            workspace_id: Some(number_of(workspace)),
            last_used_day: token.last_used_at.map(|Timestamp(last)| last - last % DAY),
            ..Self::of(token)
        }
    }
}

/// The workspace's key as a number in base 62: less than 62⁶, which every client can represent.
fn number_of(workspace: WorkspaceKey) -> u64 {
    workspace.as_str().bytes().fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            _ => digit - b'a' + 36,
        };
        number * 62 + u64::from(value)
    })
}
