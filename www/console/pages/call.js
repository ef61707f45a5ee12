// How to call the API with curl, and which endpoints exist.

import { h } from "../lib/dom.js";

const STEPS = [
  [
    "Every request needs a token, in the header Authorization: Bearer or X-API-Key. Set these variables in your shell:",
    `export TOKEN=…   # a token with the scopes tokens:write and tokens:verify
export HOST=${location.origin}`,
  ],
  [
    "Create a token. Its value is returned only in this response:",
    `curl $HOST/v1/tokens -H "Authorization: Bearer $TOKEN" \\
  --json '{"name": "my first", "scopes": ["orders:read"], "expires_in": 86400}'`,
  ],
  [
    "Verify a token:",
    `curl $HOST/v1/verify -H "Authorization: Bearer $TOKEN" \\
  --json '{"token": "…", "demand": {"all_of": ["orders:read"]}}'`,
  ],
  [
    "Revoke the token by its ID. Gateways may still accept it for a few seconds; with wait=true the response is sent once no bounded check accepts it:",
    `curl -X DELETE "$HOST/v1/tokens/tok_…?wait=true" -H "Authorization: Bearer $TOKEN"`,
  ],
];

/** @type {Array<[string[], string]>} */
const ANSWERS = [
  [["/api/2.0/token", "/api/2.0/token-management"], "Databricks"],
  [["/tokens/list", "/tokens/generate", "/tokens/revoke"], "parcelLab"],
  [["/v1/api-tokens", "WebSockets at /"], "softvisio"],
  [["/api/v1/users/{user}/api-tokens"], "Tachi"],
  [["X-lgca-token", "x-lgca-domain"], "Logilica (headers, on every route)"],
  [["/authorize"], "Gateways (nginx, Caddy, Envoy, Traefik)"],
  [["/oauth/introspect", "/oauth/revoke"], "OAuth clients"],
  [["/healthz"], "Health check"],
];

export async function show() {
  const code = (text) => h("code", {}, text);
  return {
    title: "API quickstart",
    body: h(
      "div",
      { class: "prose" },
      STEPS.map(([text, command]) => [h("p", {}, text), h("pre", { tabindex: "0" }, code(command))]),
      h("h2", {}, "Endpoints"),
      h(
        "p",
        {},
        h("a", { href: "/openapi.json" }, "/openapi.json"),
        " describes every route of the Counterfoil API, and ",
        h("a", { href: "/docs/errors" }, "/docs/errors"),
        " every error code. Gateways and clients of other systems can also use these endpoints, with their own formats:",
      ),
      h(
        "dl",
        { class: "facts" },
        ANSWERS.map(([paths, who]) => [
          h("dt", {}, who),
          h(
            "dd",
            {},
            paths.map((path, index) => [index > 0 && ", ", code(path)]),
          ),
        ]),
      ),
    ),
  };
}
