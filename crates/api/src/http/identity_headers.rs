//! The headers in which an origin is told who calls: by `/authorize` through a gateway, and by the npm package's guards.

/// The token's id.
pub const ID: &str = "x-token-id";
/// Its owner's id.
pub const OWNER: &str = "x-token-owner";
/// What it may do, with spaces between the scopes.
pub const SCOPES: &str = "x-token-scopes";
/// Whether those are all. That the list is whole is said, not that it is cut: where a gateway does not pass this on, nobody
/// takes it for whole.
pub const SCOPES_COMPLETE: &str = "x-token-scopes-complete";
/// The slug of its workspace.
pub const WORKSPACE: &str = "x-token-workspace";
/// Its client.
pub const CLIENT: &str = "x-token-client";

/// The most bytes of scopes that [`SCOPES`] names: servers bound the heads that they read.
pub const MAX_SCOPES: usize = 2_048;
