// What the package has in common with the module that it loads and with the control plane. Made by `cargo xtask
// docs` of what crates/wasm/src/contract.rs, crates/verify and crates/api declare: change it there.

/** What was decided, by its number. 0 is nothing yet: something must be fetched first.
 *
 * @type {readonly import("./codes.js").Code[]} */
export const CODES = Object.freeze([
  "PENDING",
  "VALID",
  "MALFORMED",
  "UNKNOWN",
  "WORKSPACE_SUSPENDED",
  "REVOKED",
  "OWNER_SUSPENDED",
  "DISABLED",
  "EXPIRED",
  "NOT_YET_VALID",
  "ADDRESS_NOT_ALLOWED",
  "INSUFFICIENT_SCOPE",
  "RATE_LIMITED",
  "UNAVAILABLE",
]);

/** The number of what was not decided yet. */
export const PENDING = 0;

/** The number of the only yes. */
export const VALID = 1;

/** The bits of an answer that are its code. */
export const CODE_BITS = 127;

/** The bit of an answer that says that a lease is to be renewed. */
export const RENEWAL_BIT = 128;

/** Room in the module's input buffer for a text, in bytes. */
export const TEXT_ROOM = 513;

/** Room behind it for an address. */
export const ADDRESS_ROOM = 63;

/** How many token values are verified in one call. */
export const BATCH = 64;

/** The length of a value that is not there. */
export const ABSENT = 4294967295;

/** What the line of each field of a demand begins with. */
export const LINES = {
  workspaces: "w",
  allOf: "a",
  anyOf: "o",
  freshness: "f",
  orEventual: "e",
  brief: "b",
};

/** Why a demand was refused, by the module's negative numbers from -1 on. */
export const DEMAND_FAULTS = [
  "NO_WORKSPACE",
  "INVALID_WORKSPACE",
  "INVALID_SCOPE",
  "INVALID_FRESHNESS",
  "TOO_MANY_DEMANDS",
  "INVALID",
];

/** Why a snapshot was not taken, likewise. */
export const SNAPSHOT_FAULTS = [
  "UNKNOWN_FORMAT",
  "MALFORMED",
  "EXPIRED",
];

/** What a check waits for, by the `kind` of its need. */
export const NEEDS = {
  ledger: "ledger",
  lease: "lease",
  registry: "registry",
  wait: "wait",
};

/** How stale an answer may be, the strictest first. */
export const FRESHNESS = [
  "strong",
  "bounded",
  "eventual",
  "snapshot",
];

/** The most digests that one question names. */
export const MOST_DIGESTS = 100;

/** The last millisecond that RFC 3339 can tell. */
export const END_OF_TIME = 253402300799999;

/** The first two bytes of a snapshot, and how long what is signed and its signature are. */
export const SNAPSHOT = {
  format: 1,
  kind: 112,
  head: 56,
  signature: 64,
};

/** Every header that may hold a token, or half of a pair that does. */
export const CREDENTIALS = [
  "authorization",
  "x-api-key",
  "x-lgca-token",
  "x-lgca-domain",
];

/** The longest of these that is looked at, in characters. */
export const LONGEST_HEADER = 16384;

/** The headers in which an origin is told who calls. */
export const IDENTITY_HEADERS = {
  id: "x-token-id",
  owner: "x-token-owner",
  scopes: "x-token-scopes",
  scopesComplete: "x-token-scopes-complete",
  workspace: "x-token-workspace",
  client: "x-token-client",
};

/** The most bytes of scopes that an origin is told: servers bound the heads that they read. */
export const MAX_SCOPES = 2048;

/** Status and detail of what does not pass, by its code, as the control plane has them. */
export const REFUSALS = {
  NO_CREDENTIAL: [401, "This request needs a token. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`."],
  UNREADABLE_CREDENTIAL: [401, "No token can be read from this request. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`."],
  AMBIGUOUS_CREDENTIAL: [400, "The request presents two different credentials. Send only one."],
  WORKSPACE_REQUIRED: [400, "The header `X-lgca-token` needs a second one: send the slug of the token's workspace in `x-lgca-domain`."],
  MALFORMED: [401, "The credential is not a valid token: it is mistyped or truncated."],
  UNKNOWN: [401, "The token is unknown. Check that it was created for this service."],
  WORKSPACE_SUSPENDED: [401, "The token's workspace is suspended. Ask the operator of the service."],
  REVOKED: [401, "The token was revoked or replaced. Use its current value or a different token."],
  OWNER_SUSPENDED: [401, "The token's owner is suspended. Ask an administrator."],
  DISABLED: [401, "The token is disabled. Have it enabled, or use a different token."],
  EXPIRED: [401, "The token has expired. Use a different token."],
  NOT_YET_VALID: [401, "The token is not valid yet: its start time is in the future."],
  ADDRESS_NOT_ALLOWED: [403, "The token cannot be used from this IP address."],
  INSUFFICIENT_SCOPE: [403, "The token does not have a required scope."],
  RATE_LIMITED: [429, "Too many unknown tokens. Try again in one second."],
};

/** What is said of a text that is no token, with the reason in place of `{why}`. */
export const NO_TOKEN = "The credential is not a valid token: {why}.";

/** What a token lacks, in words: `{all}` stands for the scopes that it needs, `{one}` for those of which it needs one. */
export const LACKS = {
  scope: "The token does not have the required scope `{all}`.",
  scopes: "The token does not have the required scopes `{all}`.",
  oneOf: "The token needs one of the scopes `{one}` and has none of them.",
  both: "Required scopes that the token does not have: `{all}`. It also needs one of `{one}` and has none of them.",
};

/** What every challenge begins with (RFC 6750). */
export const CHALLENGE = "Bearer realm=\"counterfoil\"";

/** The longest `scope` that a challenge names: proxies refuse an answer whose headers are long. */
export const MOST_SCOPE = 1024;
