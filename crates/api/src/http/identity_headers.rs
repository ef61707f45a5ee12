//! The headers that name the caller to an origin server, set by gateways (from `/authorize`) and by the npm package's
//! guards.

/// The token's id.
pub const ID: &str = "x-token-id";
/// Its owner's id.
pub const OWNER: &str = "x-token-owner";
/// Its effective scopes, separated by spaces.
pub const SCOPES: &str = "x-token-scopes";
/// Whether the list of scopes is complete. The header states completeness, not truncation: if a gateway does not pass
/// it on, the application does not mistake the list for complete.
pub const SCOPES_COMPLETE: &str = "x-token-scopes-complete";
/// The slug of its workspace.
pub const WORKSPACE: &str = "x-token-workspace";
/// Its client.
pub const CLIENT: &str = "x-token-client";

/// The most bytes in [`SCOPES`]: servers limit the size of request headers.
pub const MAX_SCOPES: usize = 2_048;
