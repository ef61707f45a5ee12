// The code of docs/gateways/, as it stands there, in its runtime and frameworks.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { withTypo, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { follow, steps } from "../worker/shell.mjs";
import { bundled, project, running } from "./installed.mjs";

const page = (name) => readFileSync(new URL(`../../docs/gateways/${name}.md`, import.meta.url), "utf8");

/** The first block of a page in this language. */
function documented(name, language) {
  const [, text] = page(name).split("```" + language + "\n");
  return text.split("```")[0];
}

const worker = (name) => ({
  "wrangler.toml": documented("cloudflare-worker", "toml"),
  "index.js": documented(name, "js"),
});
const WORKER = await bundled(await project(worker("cloudflare-worker")));
const HONO = await bundled(await project(worker("hono"), ["hono"]));
const EXPRESS = await project({}, ["express"]);

/** A deployment, and tokens of its workspace. */
async function setUp(t) {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  // The shortest lease; the tests do not depend on it.
  await admin.expect(200, "PATCH", "/v1/workspace", { lease_max: 2 });
  const [gateway, reader, writer, both] = await Promise.all(
    [["tokens:verify"], ["orders:read"], ["orders:write"], ["orders:read", "orders:write"]].map((scopes) =>
      admin.issue({ scopes }),
    ),
  );
  return { app, admin, gateway, reader, writer, both };
}

/** Runs a bundled Worker bound to the deployment. */
async function onWorkerd(t, bundle, { app, gateway }) {
  const services = { COUNTERFOIL: { external: { address: app.url.host, http: {} } } };
  return (await running(t, bundle, { variables: { COUNTERFOIL_TOKEN: gateway.token }, services })).url;
}

async function send(url, method, path, token) {
  const response = await fetch(new URL(path, url), { method, headers: token && { authorization: `Bearer ${token}` } });
  const text = await response.text();
  const isJson = /[/+]json/.test(response.headers.get("content-type"));
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text,
    challenge: response.headers.get("www-authenticate"),
  };
}

test("the documented Worker verifies requests", async (t) => {
  const parties = await setUp(t);
  const url = await onWorkerd(t, WORKER, parties);
  const { admin, reader, writer } = parties;
  const passed = await send(url, "GET", "/", reader.token);
  assert.deepEqual([passed.status, passed.body], [200, { owner: "admin", scopes: ["orders:read"] }]);
  await refusals(url, "/", parties);
  assert.equal(
    (await send(url, "GET", "/", writer.token)).challenge,
    'Bearer realm="counterfoil", error="insufficient_scope", scope="orders:read"',
  );
  await admin.revoke(reader.id);
  // Its isolate may use a lease, which is renewed or has expired by then.
  const after = await eventually(async () => {
    const answer = await send(url, "GET", "/", reader.token);
    return answer.status !== 200 && answer;
  }, 4);
  assert.deepEqual([after.status, after.body.code], [401, "REVOKED"]);
});

/** Requests that are rejected where `orders:read` is required. */
async function refusals(url, path, { gateway, reader, writer }) {
  for (const [token, ...expected] of [
    [undefined, 401, "NO_CREDENTIAL"],
    [withTypo(reader.token), 401, "MALFORMED"],
    [writer.token, 403, "INSUFFICIENT_SCOPE"],
    [gateway.token, 403, "INSUFFICIENT_SCOPE"],
  ]) {
    const { status, body } = await send(url, "GET", path, token);
    assert.deepEqual([status, body.code], expected);
  }
}

/** Tests the small API that is documented for both Hono and Express. */
async function orders(url, parties) {
  const { admin, reader, writer, both } = parties;
  assert.deepEqual((await send(url, "GET", "/health")).body, "ok");
  const { status, body } = await send(url, "GET", "/orders/7", reader.token);
  assert.deepEqual([status, body], [200, { order: "7", owner: "admin" }]);
  await refusals(url, "/orders/7", parties);
  assert.equal((await send(url, "GET", "/elsewhere")).status, 401, "paths without a handler are not revealed");
  for (const [{ token }, expected] of [
    [both, 201],
    [reader, 403],
    [writer, 403],
  ]) {
    assert.equal((await send(url, "POST", "/orders", token)).status, expected);
  }
  await admin.revoke(both.id);
  assert.equal((await send(url, "POST", "/orders", both.token)).body.code, "REVOKED");
}

test("the documented Hono app verifies requests, on workerd", async (t) => {
  const parties = await setUp(t);
  await orders(await onWorkerd(t, HONO, parties), parties);
});

test("the documented Express app verifies requests, in Node", async (t) => {
  const parties = await setUp(t);
  const { app, admin, gateway } = parties;
  const server = join(EXPRESS, "server.js");
  writeFileSync(server, documented("express", "js").replace("https://counterfoil.example", app.url.origin));
  const port = await freePort();
  const child = spawn(process.execPath, [server], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PORT: port, COUNTERFOIL_TOKEN: gateway.token },
  });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => {
    assert.equal(child.exitCode, null, "the server is running");
    return send(url, "GET", "/health").catch(() => false);
  });
  await orders(url, parties);
  for (const [address, status] of [
    ["127.0.0.1", 200],
    ["192.0.2.1", 403],
  ]) {
    const { token } = await admin.issue({ scopes: ["orders:read"], allowed_addresses: [address] });
    assert.equal((await send(url, "GET", "/orders/7", token)).status, status, address);
  }
  await failures(url, parties);
});

/** The failure cases of the page. */
async function failures(url, { app, admin, gateway, reader, writer }) {
  const two = { authorization: `Bearer ${reader.token}`, "x-api-key": writer.token };
  const ambiguous = await fetch(new URL("/orders/7", url), { headers: two });
  assert.deepEqual([ambiguous.status, (await ambiguous.json()).code], [400, "AMBIGUOUS_CREDENTIAL"]);
  const isUnavailable = async (token) => {
    const { status, body } = await send(url, "GET", "/orders/7", token);
    return status === 503 && body.code === "UNAVAILABLE";
  };
  const late = await admin.issue({ scopes: ["orders:read"] });
  await admin.revoke(gateway.id);
  await eventually(() => isUnavailable(reader.token), 6);
  await app.halt();
  const answer = await fetch(new URL("/orders/7", url), { headers: { authorization: `Bearer ${late.token}` } });
  // What is started can be stopped when the test ends.
  await app.boot();
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"]);
}

test("OAuth introspection", async (t) => {
  const { app, admin, gateway } = await setUp(t);
  await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] });
  const { token } = await admin.issue({ owner: "ada", scopes: ["orders:read"], expires_in: 60 });
  const here = page("oauth-introspection").replaceAll("https://counterfoil.example", app.url.origin);
  const env = { ...process.env, GATEWAY_TOKEN: gateway.token, TOKEN: token };
  await follow(steps(here), { env, cwd: app.storage });
});

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
