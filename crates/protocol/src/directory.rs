//! What the directory can be asked, and what it answers: which workspace a slug stands for, and a host.

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use crate::host::{Host, Hosts};
pub use crate::slug::{InvalidSlug, Slug};
use crate::{
    asked::asked,
    command_error::CommandError,
    reply::{self, NotAReply},
};

/// A request's type says what it answers.
pub trait Ask: Into<Request> + Send {
    /// What the directory replies.
    type Reply: Serialize + DeserializeOwned + Send;
}

asked! {
    /// What the directory can be asked.
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

/// Reserves a slug. While it is only reserved, claiming it again gives the same key again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The slug.
    pub slug: Slug,
    /// The key that the workspace is to have, drawn at random.
    pub candidate: WorkspaceKey,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimed {
    /// The workspace is to be made under this key: the candidate, or the one that was reserved before.
    Reserved {
        /// The key.
        key: WorkspaceKey,
    },
    /// The candidate belongs to another slug: draw again.
    KeyTaken,
    /// The slug is confirmed: its workspace stands.
    SlugTaken,
}

/// Says that the slug's workspace stands. Said twice, it is as said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The slug, which must have been claimed.
    pub slug: Slug,
}

/// Asks for the workspace of a slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The slug.
    pub slug: Slug,
}

/// Says that the slug's workspace is gone: anybody may claim the slug, and its hosts. Said again, also when somebody
/// else has it by now, it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The slug.
    pub slug: Slug,
    /// The key of the workspace that is gone.
    pub key: WorkspaceKey,
}

/// Says which hosts a confirmed workspace has. Those that it had besides are anybody's from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignHosts {
    /// The workspace's key.
    pub key: WorkspaceKey,
    /// All its hosts.
    pub hosts: Hosts,
}

/// What became of an assignment: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// These are its hosts.
    Done,
    /// One of them is another workspace's.
    Taken {
        /// That one.
        host: Host,
    },
}

/// Asks for the workspace of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveHost {
    /// The host.
    pub host: Host,
}

/// The workspace of a slug or of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its key; absent where no confirmed workspace has the slug, or the host.
    pub key: Option<WorkspaceKey>,
}

/// Reads what the directory answered to a request of type `R`.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the request was refused is the inner result.
pub fn decode_reply<R: Ask>(bytes: &[u8]) -> Result<Result<R::Reply, CommandError>, NotAReply> {
    reply::decode_outcome(bytes)
}
