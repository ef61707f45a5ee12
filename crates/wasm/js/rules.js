// What is asked of each request: of all alike, or by a policy. Shared by the adapters.
import { tell } from "./failure.js";
import { refusal } from "./refusal.js";

/** The rule of a public route. No absence of a rule is it. */
const EVERYBODY = Symbol("everybody");

/**
 * Compiles a demand, or those of a policy, for a gate.
 *
 * @returns for a request's method and path, whom to let in: a demand and its number, `EVERYBODY`, or `undefined` for nobody
 */
export function rules(gate, asked) {
  const rule = (demand) => ({ demand, compiled: gate.compile(demand) });
  if (typeof asked.route !== "function") {
    const only = rule(asked);
    return () => only;
  }
  const compiled = new Map(
    asked.routes.map((route) => [route, route.public === true ? EVERYBODY : rule(route.demand)]),
  );
  return (method, path) => compiled.get(asked.route(method, path));
}

/** The path of a URL as it came. `new URL` resolves `%2e%2e` and backslashes; some routers do not, and go elsewhere. */
export function pathOf(url) {
  const [, path] = /^[^:]+:\/\/[^/\\?#]*([^?#]*)/.exec(url) ?? [];
  return path ?? "";
}

/**
 * Whether a request passes, and the decision (`undefined` where everybody may); or how it is refused.
 *
 * Never rejects. Whatever throws on the way (the gate, a policy, a callback, the request itself) refuses the request: some
 * hosts take an exception for leave to pass it on, and others let it hang. What the guarded handler throws does not come
 * here.
 *
 * @param find gives the rule of the request, and what the gate is to know besides
 * @param {(decision: import("./index.d.ts").Decision) => void} [admit] hands the decision on to where the handler finds it
 */
export async function judge(gate, request, find, admit = () => {}) {
  try {
    const { rule, ...options } = find();
    if (rule === undefined) return { passes: false, refused: refusal({ code: "NO_ROUTE" }) };
    const decision = rule === EVERYBODY ? undefined : await gate.verify(request, rule.compiled, options);
    if (rule !== EVERYBODY && decision.valid !== true)
      return { passes: false, refused: refusal(decision, rule.demand) };
    admit(decision);
    return { passes: true, decision };
  } catch (error) {
    tell(gate, error);
    return { passes: false, refused: refusal({ code: "INTERNAL" }) };
  }
}
