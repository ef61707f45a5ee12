// The requirement of each request: one for all, or by a policy. Shared by the adapters.
import { report } from "./failure.js";
import { refusal } from "./refusal.js";

/** The rule of a public route. A missing rule never means public. */
const PUBLIC = Symbol("public");

/**
 * Compiles a requirement, or those of a policy, for a gate.
 *
 * @returns a function from method and path to the rule: a requirement and its number, `PUBLIC`, or `undefined` to deny
 */
export function rules(gate, asked) {
  const rule = (demand) => ({ demand, compiled: gate.compile(demand) });
  if (typeof asked.route !== "function") {
    const only = rule(asked);
    return () => only;
  }
  const compiled = new Map(asked.routes.map((route) => [route, route.public === true ? PUBLIC : rule(route.demand)]));
  return (method, path) => compiled.get(asked.route(method, path));
}

/**
 * The path of a URL as received. `new URL` resolves `%2e%2e` and backslashes, but some routers do not, and route
 * differently.
 */
export function pathOf(url) {
  const [, path] = /^[^:]+:\/\/[^/\\?#]*([^?#]*)/.exec(url) ?? [];
  return path ?? "";
}

/**
 * Authorizes a request: returns the decision (`undefined` on a public route), or the response that rejects it.
 *
 * Never rejects. If anything throws (the gate, a policy, a callback, the request itself), the request is rejected: some
 * hosts pass a request on after an exception, and others let it hang. Errors of the guarded handler do not come here.
 *
 * @param find returns the rule of the request, and further options for the gate
 * @param {(decision: import("./index.d.ts").Decision) => void} [admit] makes the decision available to the handler
 */
export async function authorize(gate, request, find, admit = () => {}) {
  try {
    const { rule, ...options } = find();
    if (rule === undefined) return { passes: false, refused: refusal({ code: "NO_ROUTE" }) };
    const decision = rule === PUBLIC ? undefined : await gate.verify(request, rule.compiled, options);
    if (rule !== PUBLIC && decision.valid !== true) return { passes: false, refused: refusal(decision, rule.demand) };
    admit(decision);
    return { passes: true, decision };
  } catch (error) {
    report(gate, error);
    return { passes: false, refused: refusal({ code: "INTERNAL" }) };
  }
}
