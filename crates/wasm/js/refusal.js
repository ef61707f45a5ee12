// What a request is answered that does not pass: a status, a challenge (RFC 6750) and a problem (RFC 9457).

/** Status and reason by code; what is not here is 401. */
const REFUSALS = {
  NO_CREDENTIAL: [401, "This needs a token: send Authorization: Bearer <token>, or X-API-Key: <token>."],
  UNREADABLE_CREDENTIAL: [
    401,
    "The credential could not be read: send Authorization: Bearer <token>, or X-API-Key: <token>.",
  ],
  AMBIGUOUS_CREDENTIAL: [400, "The request presents two different credentials. Send one."],
  WORKSPACE_REQUIRED: [400, "X-lgca-token is half of a pair: name the slug of the token's workspace in x-lgca-domain."],
  MALFORMED: [401, "The credential is not a token: mistyped, or cut short."],
  UNKNOWN: [401, "The token is not known here."],
  WORKSPACE_SUSPENDED: [401, "The token's workspace is suspended."],
  REVOKED: [401, "The token was revoked."],
  OWNER_SUSPENDED: [401, "The token's owner is suspended."],
  DISABLED: [401, "The token is switched off."],
  EXPIRED: [401, "The token has expired."],
  NOT_YET_VALID: [401, "The token is not valid yet."],
  ADDRESS_NOT_ALLOWED: [403, "The token may not be used from this address."],
  INSUFFICIENT_SCOPE: [403, "The token lacks a scope that this needs."],
  NO_ROUTE: [403, "No route of the gate's policy covers this request."],
  INTERNAL: [500, "Something went wrong while the token was checked, so the request is refused. It was logged."],
  RATE_LIMITED: [429, "Too many unknown tokens; try again in a second."],
  UNAVAILABLE: [503, "It cannot be known just now whether the token passes; try again in a second."],
};

/** The longest `scope` that a challenge names: proxies refuse an answer whose headers are long. */
const MOST_SCOPE = 1024;

export function refusal({ code, token, reason }, demand = {}) {
  const [status, usual] = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : REFUSALS.UNKNOWN;
  const headers = { "content-type": "application/problem+json" };
  const error = status === 400 ? "invalid_request" : status === 401 ? "invalid_token" : "insufficient_scope";
  const said = code === "MALFORMED" && reason !== undefined ? { detail: `The credential is not a token: ${reason}.` } : {};
  const { needed, detail = usual } = code === "INSUFFICIENT_SCOPE" ? lacking(demand, token?.scopes) : said;
  // Scopes are of characters that need no quoting.
  const scope = needed && needed.length <= MOST_SCOPE ? `, scope="${needed}"` : "";
  if (code === "NO_CREDENTIAL") headers["www-authenticate"] = 'Bearer realm="counterfoil"';
  else if (status <= 401) headers["www-authenticate"] = `Bearer realm="counterfoil", error="${error}"`;
  else if (code === "INSUFFICIENT_SCOPE") {
    headers["www-authenticate"] = `Bearer realm="counterfoil", error="${error}"${scope}`;
  }
  if (status === 429 || status === 503) headers["retry-after"] = "1";
  const title = code[0] + code.slice(1).toLowerCase().replaceAll("_", " ");
  return { status, headers, body: JSON.stringify({ title, status, code, detail }) };
}

/** The scopes of a token that would pass, and in words what a token that holds these lacks; as the control plane has it. */
function lacking({ allOf = [], anyOf = [] }, held) {
  const holds = (scope) => held?.some((granted) => (granted.endsWith("*") ? scope.startsWith(granted.slice(0, -1)) : scope === granted));
  const all = allOf.filter((scope) => !holds(scope)).join(", ");
  const one = anyOf.some(holds) ? [] : anyOf;
  // RFC 6750 has no words for "one of these": the first of them will do as well as any.
  const needed = [...allOf, ...one.slice(0, 1)].join(" ");
  return { needed, detail: held && inWords(all, one.join(", ")) };
}

function inWords(all, one) {
  if (all && one) return `The token lacks ${all}, and has none of the scopes ${one}, of which this needs one.`;
  if (one) return `The token has none of the scopes ${one}, of which this needs one.`;
  return all ? `The token lacks the scope${all.includes(",") ? "s" : ""} ${all}, which this needs.` : undefined;
}
