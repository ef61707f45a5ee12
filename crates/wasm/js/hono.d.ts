import type { Context, MiddlewareHandler } from "hono";
import type { Admission } from "./fetch.js";
import type { Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

/** Where the client calls from, where Hono's host knows; on Cloudflare the gate does. */
interface Options {
  address?(context: Context): string | undefined;
}

/**
 * Middleware that answers requests whose token does not pass. After it `c.get("counterfoil")` is the decision; on a
 * public route of a policy there is none. What throws before the decision is answered by 500 (`INTERNAL`), and does not go to
 * `onError`; what the handler throws does.
 * @throws InvalidDemandError
 */
export function guard(
  gate: Gate,
  asked: GateDemand,
  options?: Options,
): MiddlewareHandler<{ Variables: { counterfoil: Admission } }>;
export function guard(
  gate: Gate,
  asked: Policy,
  options?: Options,
): MiddlewareHandler<{ Variables: { counterfoil: Admission | undefined } }>;
