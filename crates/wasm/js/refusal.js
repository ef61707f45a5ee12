// The response to a request that is not authorized: a status, a challenge (RFC 6750) and problem details (RFC 9457).
import { CHALLENGE, LACKS, MOST_SCOPE, NO_TOKEN, REFUSALS as SHARED } from "./contract.js";
import { covers } from "./scopes.js";

/** Status and detail by code; other codes are answered as `UNKNOWN`. */
const REFUSALS = {
  ...SHARED,
  NO_ROUTE: [403, "No route of the policy covers this request, so it is denied."],
  INTERNAL: [
    500,
    "An internal error occurred while the token was verified, so the request was denied. The error was logged.",
  ],
  UNAVAILABLE: [503, "The token cannot be verified right now. Try again in one second."],
};

/** @type {typeof import("./index.d.ts").refusal} */
export function refusal({ code, token, reason }, demand = {}) {
  const [status, usual] = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : REFUSALS.UNKNOWN;
  const headers = { "content-type": "application/problem+json" };
  const error = status === 400 ? "invalid_request" : status === 401 ? "invalid_token" : "insufficient_scope";
  const said = code === "MALFORMED" && reason !== undefined ? { detail: NO_TOKEN.replace("{why}", () => reason) } : {};
  const { needed, detail = usual } = code === "INSUFFICIENT_SCOPE" ? lacking(demand, token?.scopes) : said;
  // Scopes contain only characters that need no quoting.
  const scope = needed && needed.length <= MOST_SCOPE ? `, scope="${needed}"` : "";
  if (code === "NO_CREDENTIAL") headers["www-authenticate"] = CHALLENGE;
  else if (status <= 401) headers["www-authenticate"] = `${CHALLENGE}, error="${error}"`;
  else if (code === "INSUFFICIENT_SCOPE") {
    headers["www-authenticate"] = `${CHALLENGE}, error="${error}"${scope}`;
  }
  if (status === 429 || status === 503) headers["retry-after"] = "1";
  const title = code[0] + code.slice(1).toLowerCase().replaceAll("_", " ");
  return { status, headers, body: JSON.stringify({ title, status, code, detail }) };
}

/** The scopes that a token needs, and a sentence on those that this token lacks, worded as by the control plane. */
function lacking({ allOf = [], anyOf = [] }, held) {
  const holds = (scope) => held != null && covers(held, scope);
  const all = allOf.filter((scope) => !holds(scope)).join("`, `");
  const one = anyOf.some(holds) ? [] : anyOf;
  // RFC 6750 cannot express "one of these", so the challenge names the first of them.
  const needed = [...allOf, ...one.slice(0, 1)].join(" ");
  return { needed, detail: held && inWords(all, one.join("`, `")) };
}

function inWords(all, one) {
  if (!all && !one) return undefined;
  const words = all && one ? LACKS.both : one ? LACKS.oneOf : all.includes(",") ? LACKS.scopes : LACKS.scope;
  return words.replace("{all}", () => all).replace("{one}", () => one);
}
