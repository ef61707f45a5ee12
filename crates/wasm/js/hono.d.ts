import type { Context, MiddlewareHandler } from "hono";
import type { Admission } from "./fetch.js";
import type { Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

/** Returns the client's address, if Hono's runtime knows it. On Cloudflare the gate knows it. */
interface Options {
  address?(context: Context): string | undefined;
}

/**
 * Middleware that passes authorized requests on, with the decision in `c.get("counterfoil")` (absent on a public route
 * of a policy), and answers all others itself. If anything throws before the decision, the response is 500 (`INTERNAL`),
 * and the error does not reach `onError`. Errors of the handler do.
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
