import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admission } from "./fetch.js";
import type { Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

declare global {
  namespace Express {
    interface Request {
      /** The decision that let the request pass; absent on a public route. */
      counterfoil?: Admission;
    }
  }
}

/**
 * Middleware, for Express 4 and 5 and their like, that answers requests whose token does not pass. After it
 * `request.counterfoil` is the decision. What throws before the decision is answered by 500 (`INTERNAL`): it neither passes
 * the request nor goes to `next`.
 * @param options.address where the client calls from; `request.ip`, or the other end of the connection, by itself
 * @throws InvalidDemandError
 */
export function guard(
  gate: Gate,
  asked: GateDemand | Policy,
  options?: { address?(request: IncomingMessage): string | undefined },
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => Promise<void>;
