// Static pages are served to browsers, and never to a gateway's authorization request.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

const ASSETS = fileURLToPath(new URL("../../build/assets", import.meta.url));

/** Every static file, by its path. */
const FILES = readdirSync(ASSETS, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== "_headers")
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(ASSETS.length));

/** The path of a file: pages are served without their extension. */
const place = (file) => file.replace(/index\.html$/, "").replace(/\.html$/, "");

/** The response to a path that is sent unchanged, because `fetch` would normalize it. */
async function ask(app, path, { method = "GET", headers = {} } = {}) {
  const { hostname, port } = app.url;
  const [response] = await once(request({ hostname, port, path, method, headers, agent: false }).end(), "response");
  const bytes = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, bytes };
}

test("pages and their assets are served to browsers", async (t) => {
  const app = await start(t);
  assert.ok(FILES.length > 30, `${FILES.length} files`);
  for (const file of FILES) {
    const { status, headers, bytes } = await ask(app, place(file));
    assert.equal(status, 200, file);
    assert.deepEqual(bytes, readFileSync(ASSETS + file), file);
    assert.match(
      headers["content-security-policy"],
      file.startsWith("/console/") ? /script-src 'self'/ : /^default-src 'none'/,
    );
    assert.equal(headers["x-content-type-options"], "nosniff");
  }
  const first = await ask(app, "/console/");
  assert.equal(first.headers["content-type"], "text/html; charset=utf-8");
  const again = await ask(app, "/console/?v=1", { headers: { "if-none-match": first.headers.etag } });
  assert.equal(again.status, 304, "a cached page is not sent a second time");
  const head = await ask(app, "/console/", { method: "HEAD" });
  assert.deepEqual([head.status, head.bytes.length], [200, 0]);
  for (const [from, to] of [
    ["/console", "/console/"],
    ["/docs/errors.html", "/docs/errors"],
  ]) {
    const { status, headers } = await ask(app, from);
    assert.deepEqual([status, headers.location], [307, to]);
  }
  assert.equal((await ask(app, "/console/", { method: "POST" })).status, 405);
  for (const none of ["/console/none.js", "/docs/none", "/consoles", "/openapi.json.gz"]) {
    const { status, bytes } = await ask(app, none);
    assert.deepEqual([status, JSON.parse(bytes).code], [404, "NO_SUCH_ROUTE"], none);
  }
});

test("no page or other route answers a gateway's request", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify"] });
  const reader = await admin.issue({ scopes: ["orders:read"] });
  const pages = FILES.flatMap((file) => [file, place(file)]);
  const routes = [
    "/",
    "/healthz",
    "/authorize",
    "/v1/session/start",
    "/v1/tokens/self",
    "/nowhere",
    "/docs",
    "/console",
  ];
  const spelled = [
    ...[
      "/authorize/../console/",
      "/authorize/..%2fconsole/",
      "/authorize/%2e%2e/console/",
      "/authorize/%2e%2E%2fhealthz",
    ],
    ...[
      "/authorize/..\\console\\",
      "/authorize\\..\\healthz",
      "/authorize/..;/healthz",
      "//healthz",
      "/authorize//../healthz",
    ],
    ...[
      "/authorize/./../healthz",
      "/authorize/%00/../../healthz",
      "/%c0%ae%c0%ae/healthz",
      "/%252e%252e/healthz",
      "/?a#b",
    ],
    ...["/console/%2e%2e/openapi.json", "/openapi.json?x=/authorize", "/console/?", `/console/${"x/".repeat(4_000)}`],
    ...["/healthz|", '/healthz?{}^`"<>', "/console/\\"],
  ];
  const demand = { "x-counterfoil-scopes": "orders:write" };
  for (const path of [...pages, ...routes, ...spelled]) {
    const proofs = pages.includes(path) ? [["x"]] : [[""], ["x"], [gateway.token, "x"], [gateway.token]];
    for (const proof of proofs) {
      const headers = { ...demand, "x-counterfoil-gateway": proof };
      const bare = await ask(app, path, { headers });
      assert.equal(bare.status, 401, `${path}: ${bare.bytes}`);
      const bearer = await ask(app, path, { headers: { ...headers, authorization: `Bearer ${reader.token}` } });
      assert.equal(bearer.status, 403, `${path}: ${bearer.bytes}`);
    }
  }
  // Absolute URLs are for proxies; workerd in this setup rejects them. The test only requires that the response is not
  // a success.
  for (const path of ["http://elsewhere.example/healthz", "http://elsewhere.example/console/"]) {
    assert.ok((await ask(app, path, { headers: { "x-counterfoil-gateway": "x" } })).status >= 400, path);
  }
  for (const path of ["/console/", "/healthz", "/openapi.json", "/", "/v1/tokens"]) {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS", "DELETE"]) {
      const headers = { "x-counterfoil-gateway": gateway.token };
      assert.equal((await ask(app, path, { method, headers })).status, 401, `${method} ${path}`);
      const passed = await ask(app, path, { method, headers: { ...headers, authorization: `Bearer ${reader.token}` } });
      assert.deepEqual(
        [passed.status, passed.headers["x-token-id"], passed.bytes.length],
        [200, reader.id, 0],
        `${method} ${path}`,
      );
    }
    const socket = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    };
    assert.equal((await ask(app, path, { headers: { ...socket, "x-counterfoil-gateway": "x" } })).status, 401, path);
  }
});
