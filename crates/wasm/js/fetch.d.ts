import type { Decision, Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

/** The decision on a request that is passed on. */
export type Admission = Extract<Decision, { valid: true }>;

/**
 * Passes authorized requests on to `handler`, and answers all others itself.
 *
 * The handler also receives the decision (`undefined` on a public route) and the further arguments: `env` and the
 * context in a Worker. If anything throws before the decision, the response is 500 (`INTERNAL`), so a Worker does not
 * pass the request to the origin. Errors of the handler are rethrown.
 * @throws InvalidDemandError
 */
export function guard<Rest extends unknown[], Incoming extends Request = Request>(
  gate: Gate,
  asked: GateDemand,
  handler: (request: Incoming, decision: Admission, ...rest: Rest) => Response | Promise<Response>,
): (request: Incoming, ...rest: Rest) => Promise<Response>;
export function guard<Rest extends unknown[], Incoming extends Request = Request>(
  gate: Gate,
  asked: Policy,
  handler: (request: Incoming, decision: Admission | undefined, ...rest: Rest) => Response | Promise<Response>,
): (request: Incoming, ...rest: Rest) => Promise<Response>;

/**
 * The headers to send to an origin: those of the request, with the caller's identity in `X-Token-Id`, `-Owner`,
 * `-Scopes`, `-Workspace` and `-Client`, which replace any that the client sent; and without the token, unless
 * `passToken` is set. Scopes are limited to 2,048 bytes, in whole scopes; `X-Token-Scopes-Complete` is `true` if all are
 * included, else `false`.
 */
export function originHeaders(
  request: Request,
  decision: Admission | undefined,
  options?: { passToken?: boolean },
): Headers;
