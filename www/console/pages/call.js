// How to call the service without the console, and what answers here.

import { h } from "../lib/dom.js";

const STEPS = [
  [
    "Every call takes a token, as Authorization: Bearer or X-API-Key. Put yours into the shell once:",
    `export TOKEN=…   # a token that holds tokens:write and tokens:verify
export HOST=${location.origin}`,
  ],
  [
    "Issue a token. Its text is shown in this answer and never again:",
    `curl $HOST/v1/tokens -H "Authorization: Bearer $TOKEN" \\
  --json '{"name": "my first", "scopes": ["orders:read"], "expires_in": 86400}'`,
  ],
  [
    "Check one:",
    `curl $HOST/v1/verify -H "Authorization: Bearer $TOKEN" \\
  --json '{"token": "…", "demand": {"all_of": ["orders:read"]}}'`,
  ],
  [
    "Revoke it, by its id. Gateways may accept it for a few seconds more, and with wait=true the answer comes when they do not:",
    `curl -X DELETE "$HOST/v1/tokens/tok_…?wait=true" -H "Authorization: Bearer $TOKEN"`,
  ],
];

/** @type {Array<[string[], string]>} */
const ANSWERS = [
  [["/api/2.0/token", "/api/2.0/token-management"], "Databricks"],
  [["/tokens/list", "/tokens/generate", "/tokens/revoke"], "parcelLab"],
  [["/v1/api-tokens", "WebSockets at /"], "softvisio"],
  [["/api/v1/users/{user}/api-tokens"], "Tachi"],
  [["X-lgca-token", "x-lgca-domain"], "Logilica, at every route"],
  [["/authorize"], "gateways: nginx, Caddy, Envoy, Traefik"],
  [["/oauth/introspect", "/oauth/revoke"], "OAuth's clients"],
  [["/healthz"], "whether this is up"],
];

export async function show() {
  const code = (text) => h("code", {}, text);
  return {
    title: "Call the API",
    body: h(
      "div",
      { class: "prose" },
      STEPS.map(([text, command]) => [h("p", {}, text), h("pre", { tabindex: "0" }, code(command))]),
      h("h2", {}, "What answers here"),
      h(
        "p",
        {},
        h("a", { href: "/openapi.json" }, "/openapi.json"),
        " describes every route of its own, and ",
        h("a", { href: "/docs/errors" }, "/docs/errors"),
        " every code that a refusal can have. Besides, other systems' clients and gateways are answered in their own words:",
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
