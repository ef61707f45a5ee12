// What is asked of each request: of all alike, or by a policy. Shared by the adapters.
import { refusal } from "./refusal.js";

/**
 * Compiles a demand, or those of a policy, for a gate.
 *
 * @returns for a request's method and path, whom to let in: a demand and its number, `{}` for everybody, `undefined` for
 *   nobody
 */
export function rules(gate, asked) {
  const rule = (demand) => ({ demand, compiled: gate.compile(demand) });
  if (typeof asked.route !== "function") {
    const only = rule(asked);
    return () => only;
  }
  const compiled = new Map(asked.routes.map((route) => [route, route.public ? {} : rule(route.demand)]));
  return (method, path) => compiled.get(asked.route(method, path));
}

/** The decision about a request, `undefined` where everybody may pass; or how it is refused. */
export async function judge(gate, rule, request, options) {
  if (rule === undefined) return { refused: refusal({ code: "NO_ROUTE" }) };
  if (rule.compiled === undefined) return {};
  const decision = await gate.verify(request, rule.compiled, options);
  return decision.valid ? { decision } : { decision, refused: refusal(decision, rule.demand) };
}
