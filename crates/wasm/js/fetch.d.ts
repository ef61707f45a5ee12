import type { Decision, Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

/** A decision that lets its request pass. */
export type Admission = Extract<Decision, { valid: true }>;

/**
 * Lets those requests through to `handler` whose token passes, and answers the others itself.
 *
 * The handler also gets the decision (`undefined` on a public route) and what else comes after the request: `env` and
 * the context in a Worker. What throws before the decision is answered by 500 (`INTERNAL`), so that no Worker passes a request on
 * for it; what the handler throws is thrown.
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
 * The request's headers as an origin may have them: who calls, in `X-Token-Id`, `-Owner`, `-Scopes`, `-Workspace` and
 * `-Client`; none of these that the client sent itself; and no token, unless `passToken`. Of its scopes 2,048 bytes are
 * told at most, none of them cut; `X-Token-Scopes-Complete` says whether those are all, `true` or `false`.
 */
export function originHeaders(
  request: Request,
  decision: Admission | undefined,
  options?: { passToken?: boolean },
): Headers;
