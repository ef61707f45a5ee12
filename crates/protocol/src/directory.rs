//! The requests to the directory, and their replies: which workspace a slug or a host belongs to.

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use crate::host::{Host, Hosts};
pub use crate::slug::{InvalidSlug, Slug};
use crate::{
    asked::asked,
    command_error::CommandError,
    reply::{self, NotAReply},
};

/// A request's type determines the type of its reply.
pub trait Ask: Into<Request> + Send {
    /// The directory's reply.
    type Reply: Serialize + DeserializeOwned + Send;
}

asked! {
    /// Every request to the directory.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    Request {
        Claim => Claimed,
        Confirm => Resolved,
        Resolve => Resolved,
        Release => Resolved,
        AssignHosts => Assigned,
        ResolveHost => Resolved,
    }
}

/// Reserves a slug for a new workspace. As long as it is not confirmed, repeating the claim returns the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The slug.
    pub slug: Slug,
    /// The proposed key of the workspace, chosen at random.
    pub candidate: WorkspaceKey,
}

/// The reply to [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimed {
    /// The workspace must be created with this key: the candidate, or the one that was reserved for the slug before.
    Reserved {
        /// The key.
        key: WorkspaceKey,
    },
    /// The candidate is the key of another slug. The caller should retry with a new one.
    KeyTaken,
    /// The slug is confirmed: its workspace exists.
    SlugTaken,
}

/// Confirms that the slug's workspace exists. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The slug, which must have been claimed.
    pub slug: Slug,
}

/// Looks up the workspace of a slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The slug.
    pub slug: Slug,
}

/// Releases the slug and the hosts of a deleted workspace for use by other workspaces. Repeating it changes nothing,
/// even if another workspace has the slug by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The slug.
    pub slug: Slug,
    /// The key of the deleted workspace.
    pub key: WorkspaceKey,
}

/// Sets the hosts of a confirmed workspace. Other workspaces can then use those that it had before and that are not in
/// the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignHosts {
    /// The workspace's key.
    pub key: WorkspaceKey,
    /// The complete list of its hosts.
    pub hosts: Hosts,
}

/// The reply to [`AssignHosts`]. Either all of the request is executed or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// The workspace has exactly these hosts.
    Done,
    /// One of the hosts belongs to another workspace.
    Taken {
        /// This host.
        host: Host,
    },
}

/// Looks up the workspace of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveHost {
    /// The host.
    pub host: Host,
}

/// The workspace of a slug or of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its key; absent if no confirmed workspace has the slug or the host.
    pub key: Option<WorkspaceKey>,
}

/// Decodes the directory's reply to a request of type `R`.
///
/// # Errors
/// [`NotAReply`] if the bytes are something else. The inner result is the error of a rejected request.
pub fn decode_reply<R: Ask>(bytes: &[u8]) -> Result<Result<R::Reply, CommandError>, NotAReply> {
    reply::decode_outcome(bytes)
}
