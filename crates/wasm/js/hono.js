// For Hono: `app.use(guard(gate, demand))`. The decision is then `c.get("counterfoil")`.
import { judge, rules } from "./rules.js";

export function guard(gate, asked, { address } = {}) {
  const ruleOf = rules(gate, asked);
  return async (context, next) => {
    const { raw } = context.req;
    const rule = ruleOf(raw.method, new URL(raw.url).pathname);
    const { decision, refused } = await judge(gate, rule, raw, { address: address?.(context) });
    if (refused) return new Response(refused.body, refused);
    context.set("counterfoil", decision);
    return next();
  };
}
