// For handlers from a Request to a Response: plain Workers, Deno, Bun, service workers.
import { CREDENTIALS, IDENTITY_HEADERS, MAX_SCOPES } from "./contract.js";
import { authorize, pathOf, rules } from "./rules.js";

/** The caller's identity for an origin: the same headers that Counterfoil's forward auth sets. */
const IDENTITY = {
  [IDENTITY_HEADERS.id]: (token) => token.id,
  [IDENTITY_HEADERS.owner]: (token) => token.owner,
  [IDENTITY_HEADERS.scopes]: (token) => fitting(token.scopes).join(" "),
  [IDENTITY_HEADERS.scopesComplete]: (token) => String(fitting(token.scopes).length === token.scopes.length),
  [IDENTITY_HEADERS.workspace]: (token) => token.workspace,
  [IDENTITY_HEADERS.client]: (token) => token.clientId,
};

/** The first scopes that fit, in whole scopes. */
function fitting(scopes) {
  let room = MAX_SCOPES + 1;
  const end = scopes.findIndex((scope) => (room -= scope.length + 1) < 0);
  return end < 0 ? scopes : scopes.slice(0, end);
}

/** Some origins use these to treat the request as another one than was verified. */
const OVERRIDES = ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"];

export function guard(gate, asked, handler) {
  const ruleOf = rules(gate, asked);
  return async (request, ...rest) => {
    const find = () => ({ rule: ruleOf(request.method, pathOf(request.url)) });
    const { passes, decision, refused } = await authorize(gate, request, find);
    return passes ? handler(request, decision, ...rest) : new Response(refused.body, refused);
  };
}

export function originHeaders(request, decision, { passToken = false } = {}) {
  const headers = new Headers(request.headers);
  const dropped = passToken ? OVERRIDES : [...CREDENTIALS, ...OVERRIDES];
  for (const name of [...headers.keys()]) {
    // Origins that read headers as CGI variables take X_Token_Id for X-Token-Id; PHP takes X.Token.Id for it too.
    const read = name.replace(/[^a-z0-9]/g, "-");
    if (/^x-(token|counterfoil)-/.test(read) || dropped.includes(read)) headers.delete(name);
  }
  for (const [name, read] of Object.entries(IDENTITY)) {
    const value = decision?.token && read(decision.token);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
