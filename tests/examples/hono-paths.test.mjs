// A policy in a Hono app. Hono's router reads the URL unresolved, unlike others.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";
import { bundled, project, running } from "./installed.mjs";

const CODE = `
import { env } from "cloudflare:workers";
import { Gate } from "@counterfoil/verify";
import { guard } from "@counterfoil/verify/hono";
import { Policy } from "@counterfoil/verify/policy";
import { Hono } from "hono";

const gate = new Gate({ controlPlane: env.COUNTERFOIL, token: env.COUNTERFOIL_TOKEN });
const policy = new Policy({
  routes: [
    { method: "*", path: "/open/*", public: true },
    { method: "*", path: "/orders/*", all_of: ["orders:read"] },
  ],
});

const app = new Hono();
app.use(guard(gate, policy));
app.all("/open/*", (c) => c.text("open"));
app.all("/orders/*", (c) => c.text("orders of " + c.get("counterfoil")?.token.owner));
app.all("*", (c) => c.text("elsewhere"));
export default app;
`;

const WORKER = await bundled(
  await project(
    {
      "wrangler.toml": 'name = "app"\nmain = "index.js"\ncompatibility_date = "2026-04-26"\n',
      "index.js": CODE,
    },
    ["hono"],
  ),
);

test("a Hono handler is reached only by the path that the policy decided on", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify"] });
  const reader = await admin.issue({ scopes: ["orders:read"] });
  const services = { COUNTERFOIL: { external: { address: app.url.host, http: {} } } };
  const { url } = await running(t, WORKER, { variables: { COUNTERFOIL_TOKEN: gateway.token }, services });
  const send = async (path, token) => {
    const headers = token && { authorization: `Bearer ${token}` };
    const sent = request({ hostname: url.hostname, port: url.port, path, headers, agent: false }).end();
    const [answer] = await once(sent, "response");
    return [answer.statusCode, Buffer.concat(await answer.toArray()).toString()];
  };
  assert.deepEqual(await send("/open/1"), [200, "open"]);
  assert.deepEqual(await send("/orders/1", reader.token), [200, "orders of admin"]);
  assert.deepEqual(await send("/orders/caf%C3%A9?a=/../#b", reader.token), [200, "orders of admin"]);
  for (const path of [
    "/orders/1",
    "/orders/%2e%2e/open/1",
    "/orders/.%2E/open/1",
    "/orders/%2e/../../open/1",
    "/orders/x/../../open/%2e%2e/1",
    "/orders\\..\\open\\1",
    "/orders/..\\open/1",
    "/open/%2e%2e/orders/1",
    "/open/..\\orders/1",
    "/open/..%2forders/1",
    "/orders/..%2f..%2fopen/1",
    "//open/../orders/1",
    "/%6frders/1",
    "/orders?/open/1",
    "/orders#/open/1",
  ]) {
    const [status, text] = await send(path);
    assert.ok(status === 401 || status === 403 || text === "open", `${path}: ${status} ${text}`);
  }
});
