// Made by `cargo xtask docs`: the types of contract.js.

/** What was decided, or `PENDING` where something must be fetched first. */
export type Code =
  | "PENDING"
  | "VALID"
  | "MALFORMED"
  | "UNKNOWN"
  | "WORKSPACE_SUSPENDED"
  | "REVOKED"
  | "OWNER_SUSPENDED"
  | "DISABLED"
  | "EXPIRED"
  | "NOT_YET_VALID"
  | "ADDRESS_NOT_ALLOWED"
  | "INSUFFICIENT_SCOPE"
  | "RATE_LIMITED"
  | "UNAVAILABLE";

/** How stale an answer may be. `snapshot` decides from what was loaded, without any request. */
export type Freshness =
  | "strong"
  | "bounded"
  | "eventual"
  | "snapshot";

/** Why there was nothing to verify: what a request presents is no one token. */
export type CredentialCode =
  | "NO_CREDENTIAL"
  | "UNREADABLE_CREDENTIAL"
  | "AMBIGUOUS_CREDENTIAL"
  | "WORKSPACE_REQUIRED";

/** Why the module refuses a demand. */
export type DemandFault =
  | "NO_WORKSPACE"
  | "INVALID_WORKSPACE"
  | "INVALID_SCOPE"
  | "INVALID_FRESHNESS"
  | "TOO_MANY_DEMANDS";

/** Why the module does not take a snapshot. */
export type SnapshotFault =
  | "UNKNOWN_FORMAT"
  | "MALFORMED"
  | "EXPIRED";
