// For whatever answers a Request with a Response: plain Workers, Deno, Bun, service workers.
import { CREDENTIALS, IDENTITY_HEADERS, MAX_SCOPES } from "./contract.js";
import { judge, pathOf, rules } from "./rules.js";

/** What an origin may learn of a caller: the same headers that Counterfoil's forward auth sets. */
const IDENTITY = {
  [IDENTITY_HEADERS.id]: (token) => token.id,
  [IDENTITY_HEADERS.owner]: (token) => token.owner,
  [IDENTITY_HEADERS.scopes]: (token) => told(token.scopes).join(" "),
  [IDENTITY_HEADERS.scopesComplete]: (token) => String(told(token.scopes).length === token.scopes.length),
  [IDENTITY_HEADERS.workspace]: (token) => token.workspace,
  [IDENTITY_HEADERS.client]: (token) => token.clientId,
};

/** The first scopes, none of them cut, as far as there is room. */
function told(scopes) {
  let room = MAX_SCOPES + 1;
  const end = scopes.findIndex((scope) => (room -= scope.length + 1) < 0);
  return end < 0 ? scopes : scopes.slice(0, end);
}

/** By these some origins take a request for another one than was judged. */
const OVERRIDES = ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"];

export function guard(gate, asked, handler) {
  const ruleOf = rules(gate, asked);
  return async (request, ...rest) => {
    const find = () => ({ rule: ruleOf(request.method, pathOf(request.url)) });
    const { passes, decision, refused } = await judge(gate, request, find);
    return passes ? handler(request, decision, ...rest) : new Response(refused.body, refused);
  };
}

export function originHeaders(request, decision, { passToken = false } = {}) {
  const headers = new Headers(request.headers);
  const dropped = passToken ? OVERRIDES : [...CREDENTIALS, ...OVERRIDES];
  for (const name of [...headers.keys()]) {
    // Origins that read headers as CGI has them take X_Token_Id for X-Token-Id; PHP takes X.Token.Id for it too.
    const read = name.replace(/[^a-z0-9]/g, "-");
    if (/^x-(token|counterfoil)-/.test(read) || dropped.includes(read)) headers.delete(name);
  }
  for (const [name, read] of Object.entries(IDENTITY)) {
    const value = decision?.token && read(decision.token);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
