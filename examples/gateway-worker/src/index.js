// A gateway in front of an API: verifies each request against the policy and forwards authorized ones.
import { env } from "cloudflare:workers";
import { guard, originHeaders } from "@counterfoil/verify/fetch";
import policyJson from "./policy.json";
import { settings } from "./settings.js";

// Read before the first request, so that a Worker with an invalid setting does not start.
const { gate, policy, origin, passToken } = settings(env, policyJson);

export default { fetch: guard(gate, policy, forward) };

async function forward(request, decision) {
  try {
    return await fetch(new Request(targetOf(request), request), {
      headers: originHeaders(request, decision, { passToken }),
      // The client follows the API's redirects, not the gateway.
      redirect: "manual",
      // A cache could not distinguish the responses to different clients, because the token is removed.
      cache: "no-store",
    });
  } catch {
    return problem(502, "ORIGIN_UNREACHABLE", "Bad gateway", "The API behind this gateway gave no answer.");
  }
}

/** The URL at the API: only path and query are taken from the request, and no path can change the host. */
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
