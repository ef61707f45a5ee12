// For Hono: `app.use(guard(gate, demand))`. Sets the decision as `c.get("counterfoil")`.
import { authorize, pathOf, rules } from "./rules.js";

/**
 * @param {import("./index.d.ts").Gate} gate
 * @param {import("./index.d.ts").GateDemand | import("./policy.d.ts").Policy} asked
 * @param {{ address?(context: import("hono").Context): string | undefined }} [options]
 */
export function guard(gate, asked, { address } = {}) {
  const ruleOf = rules(gate, asked);
  return async (context, next) => {
    const { raw } = context.req;
    const find = () => ({ rule: ruleOf(raw.method, pathOf(raw.url)), address: address?.(context) });
    const { passes, refused } = await authorize(gate, raw, find, (decision) => context.set("counterfoil", decision));
    return passes ? next() : new Response(refused.body, refused);
  };
}
