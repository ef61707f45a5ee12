import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admission } from "./fetch.js";
import type { Gate, GateDemand } from "./index.js";
import type { Policy } from "./policy.js";

declare global {
  namespace Express {
    interface Request {
      /** The decision on the request; absent on a public route. */
      counterfoil?: Admission;
    }
  }
}

/**
 * Middleware for Express 4 and 5 and compatible frameworks. It passes authorized requests on, with the decision in
 * `request.counterfoil`, and answers all others itself. If anything throws before the decision, the response is 500
 * (`INTERNAL`): the request is not passed on, and the error does not reach `next`.
 * @param options.address returns the client's address; default: `request.ip`, else the peer of the connection
 * @throws InvalidDemandError
 */
export function guard(
  gate: Gate,
  asked: GateDemand | Policy,
  options?: { address?(request: IncomingMessage): string | undefined },
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => Promise<void>;
