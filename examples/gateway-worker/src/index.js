// A gateway in front of an API: judges each request by the policy and forwards those that pass.
import { env } from "cloudflare:workers";
import { guard, originHeaders } from "@counterfoil/verify/fetch";
import policyJson from "./policy.json";
import { settings } from "./settings.js";

// Read before the first request: a Worker that is told something wrong does not start.
const { gate, policy, origin, passToken } = settings(env, policyJson);

export default { fetch: guard(gate, policy, forward) };

async function forward(request, decision) {
  try {
    return await fetch(new Request(targetOf(request), request), {
      headers: originHeaders(request, decision, { passToken }),
      // The API's redirects are for the client to follow.
      redirect: "manual",
      // Without the token a cache cannot tell one client's answer from another's.
      cache: "no-store",
    });
  } catch {
    return problem(502, "ORIGIN_UNREACHABLE", "Bad gateway", "The API behind this gateway gave no answer.");
  }
}

/** Only path and query are the client's, and no path changes the host. */
function targetOf(request) {
  const { pathname, search } = new URL(request.url);
  const target = new URL(origin);
  target.pathname = origin.pathname.replace(/\/$/, "") + pathname;
  target.search = search;
  return target;
}

function problem(status, code, title, detail) {
  return Response.json(
    { title, status, code, detail },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}
