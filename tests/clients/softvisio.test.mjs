// softvisio's own client (npm: @softvisio/core), over HTTP and over its persistent connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import "@softvisio/core/result";
import Api from "@softvisio/core/api";
import WebSocket from "@softvisio/core/websocket";
import { workspace } from "../worker/client.mjs";
import { ROOT_TOKEN, eventually, start } from "../worker/harness.mjs";

/** A deployment with a member who may read orders and manage her tokens. */
async function deployment(t) {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const grants = ["orders:read", "tokens:read", "tokens:write"];
  await admin.expect(201, "POST", "/v1/members", { id: "eve", name: "Eve", role: "member", grants });
  const issued = await admin.issue({ name: "eve's", owner: "eve", scopes: grants });
  return { app, admin, eve: issued };
}

/** The client of a deployment; its connection ends with the test. */
function client(t, app, token, options) {
  const api = new Api(app.url.href ?? app.url, { token, ...options });
  // Otherwise it would reconnect forever.
  t.after(() => stop(api));
  return api;
}

function stop(api) {
  api._connectWebSocket = () => {};
  api.token = null;
}

/** The result's status and text, or its data if it succeeded. */
async function call(api, method, ...args) {
  const result = await api.call(`api-tokens/${method}`, ...args);
  return result.ok ? result.data : [result.status, result.statusText];
}

for (const persistent of [false, true]) {
  const way = persistent ? "over its connection" : "over HTTP";
  /** The code for a rejected credential: if no connection opens, the client does not read the reason. */
  const refused = (code) => (persistent ? 1006 : code);

  test(`softvisio's client calls all methods ${way}`, async (t) => {
    const { app, admin, eve } = await deployment(t);
    const api = client(t, app, eve.token, { persistent });

    const made = await call(api, "create", "my token");
    assert.deepEqual(Object.keys(made), ["id", "token", "userId", "username", "permissions"]);
    assert.deepEqual([made.userId, made.username, made.permissions], ["2", "eve", {}]);
    assert.equal(await admin.code(made.token), "VALID");

    const all = await api.call("api-tokens/read");
    assert.deepEqual([all.status, all.statusText, all.exception, all.meta.total_rows], [200, "OK", false, 2]);
    assert.deepEqual(
      all.data.map(({ name }) => name),
      ["my token", "eve's"],
    );
    const options = { where: [["name", "like", "my%"]], order_by: [["name", "asc"]], limit: 1 };
    const [row] = await call(api, "read", options);
    assert.equal(row.id, made.id);
    const fields = ["id", "user_id", "name", "enabled", "created", "last_activity", "permissions"];
    assert.deepEqual(Object.keys(row), fields);

    const enabled = async () =>
      (await call(api, "get-permissions", made.id)).filter(({ enabled }) => enabled).map(({ id }) => id);
    assert.deepEqual(await enabled(), []);
    assert.equal(await call(api, "set-permissions", made.id, { "orders:read": true }), undefined);
    assert.deepEqual(await enabled(), ["orders:read"]);
    assert.equal(await admin.code(made.token, { all_of: ["orders:read"] }), "VALID");
    await call(api, "update-permissions", made.id, { "orders:read": false, "tokens:read": true });
    assert.deepEqual(await enabled(), ["tokens:read"]);

    await call(api, "set-enabled", made.id, false);
    assert.equal(await admin.code(made.token), "DISABLED");
    const other = client(t, app, made.token, { persistent });
    assert.equal((await call(other, "read"))[0], refused(-32813));
    await call(api, "set-enabled", made.id, true);
    assert.equal((await call(other, "read")).length, 2);
    assert.equal((await call(other, "create", "x"))[0], -32811);
    assert.equal(await call(api, "delete", made.id), undefined);
    assert.equal(await admin.code(made.token), "REVOKED");
    assert.equal((await call(other, "read"))[0], -32815, "rejected from the next message on");
  });

  test(`softvisio's client gets the documented errors ${way}`, async (t) => {
    const { app, admin, eve } = await deployment(t);
    const api = client(t, app, eve.token, { persistent });
    const theirs = (await admin.issue({ name: "admin's", scopes: [] })).id;
    for (const [expected, ...args] of [
      [-32808, "create"],
      [-32808, "create", 5],
      [-32808, "create", "a", "b"],
      [-32808, "delete"],
      [-32808, "set-enabled", eve.id, "yes"],
      [-32808, "set-permissions", eve.id, { "orders:read": 1 }],
      [-32808, "read", { limit: 101 }],
      [-32808, "get-permissions", {}],
      [-32809, "no-such-method", "x"],
      [404, "delete", theirs],
      [404, "set-enabled", "tok_never", true],
      [404, "get-permissions", theirs],
      [404, "set-permissions", theirs, {}],
      [404, "update-permissions", "tok_never", {}],
      [-32811, "set-permissions", eve.id, { "orders:read": true }],
    ]) {
      const [status, text] = await call(api, ...args);
      assert.equal(status, expected, `${args}: ${text}`);
      assert.ok(text.length > 0);
    }
    const { id } = await call(api, "create", "target");
    assert.deepEqual(await call(api, "set-permissions", id, { "orders:write": true }), [
      400,
      'Token permission "orders:write" is not valid',
    ]);
    for (const [token, expected] of [
      [null, -32811],
      ["not-a-token", -32815],
    ]) {
      const rejected = client(t, app, token, { persistent });
      assert.equal((await call(rejected, "read"))[0], refused(expected));
      assert.equal((await call(rejected, "create", "x"))[0], refused(expected));
    }
  });
}

test("softvisio's connection pings and runs many calls concurrently", async (t) => {
  const { app, eve } = await deployment(t);
  const api = client(t, app, eve.token, { persistent: true, pongInterval: 20 });
  assert.equal((await api.ping()).status, 200);
  assert.equal((await api.healthcheck()).status, 200);
  api.on("some-event", () => {});
  api.voidCall("api-tokens/create", "unasked");
  await eventually(async () => (await call(api, "read", { where: { name: "unasked" } })).length === 1);
  const names = Array.from({ length: 30 }, (_, number) => `token ${number}`);
  const made = await Promise.all(names.map((name) => call(api, "create", name)));
  assert.equal(new Set(made.map(({ id }) => id)).size, 30);
  // Each message has a log line, without its content or its credential.
  const lines = app.log.filter((line) => line.includes('"method":"message"'));
  assert.ok(lines.length >= 33);
  assert.ok(
    !app.log.some((line) => [eve.token, ...made.map(({ token }) => token)].some((text) => line.includes(text))),
  );
  // A base path that includes that of the methods.
  const below = client(t, { url: new URL("/v1/api-tokens/", app.url) }, eve.token, { persistent: true });
  assert.equal((await below.call("/read", { limit: 1 })).meta.total_rows, 32);
});

/** A WebSocket of the test's own: the messages received, in order, and how it was closed. */
function socket(t, app, protocols, headers) {
  const url = new URL("/", app.url);
  url.protocol = "ws:";
  const opened = new WebSocket(url, protocols, { headers });
  const came = [];
  let closed;
  opened.on("message", (data) => came.push(JSON.parse(data)));
  opened.on("close", (code, reason) => (closed = [code, String(reason)]));
  opened.on("error", () => {});
  opened.on("unexpected-response", (_, response) => (closed = response.statusCode));
  t.after(() => opened.terminate());
  const send = (message) => opened.send(typeof message === "string" ? message : JSON.stringify(message));
  const open = () => eventually(() => opened.readyState === WebSocket.OPEN);
  return { opened, came, send, open, closed: () => eventually(() => closed) };
}

const read = (id) => ({ jsonrpc: "2.0", id, method: "/v1/api-tokens/read", params: [{ limit: 1 }] });

test("frames that are no JSON-RPC messages are rejected", async (t) => {
  const { app, eve } = await deployment(t);
  const protocols = ["jsonrpc_2.0", eve.token];
  const one = socket(t, app, protocols);
  await one.open();
  assert.equal(one.opened.protocol, "jsonrpc_2.0", "the token is never returned as protocol");
  one.send("{");
  one.send([read(1), { jsonrpc: "2.0", method: "/pong" }, read("b")]);
  one.send(read(2));
  await eventually(() => one.came.length === 3);
  const [nonsense, ...rest] = one.came;
  assert.deepEqual([nonsense.error.code, nonsense.id], [-32807, undefined]);
  assert.deepEqual(rest.map((reply) => reply.id ?? reply.map(({ id }) => id)).sort(), [2, [1, "b"]].sort());
  one.opened.send(Buffer.from("binary"));
  assert.equal((await one.closed())[0], 1003);

  const two = socket(t, app, protocols);
  await two.open();
  two.send(JSON.stringify(read("x".repeat(65_536))));
  assert.equal((await two.closed())[0], 1009);

  const three = socket(t, app, [], { authorization: `Bearer ${eve.token}` });
  await three.open();
  three.send(read(1));
  await eventually(() => three.came[0]?.result);
  three.opened.close(1000);
  assert.equal((await three.closed())[0], 1000);
});

test("a flood on one WebSocket is rejected immediately and affects no other", async (t) => {
  const { app, eve } = await deployment(t);
  const flood = socket(t, app, ["jsonrpc_2.0", eve.token]);
  const other = socket(t, app, ["jsonrpc_2.0", eve.token]);
  await Promise.all([flood.open(), other.open()]);
  app.ledger.fail("fetch", "held");
  for (let id = 1; id <= 40; id++) flood.send(read(id));
  await eventually(() => flood.came.length === 8);
  assert.deepEqual(
    flood.came.map(({ error }) => error.code),
    Array(8).fill(-32802),
  );
  assert.deepEqual(
    flood.came.map(({ id }) => id),
    [33, 34, 35, 36, 37, 38, 39, 40],
  );
  app.ledger.heal();
  await eventually(() => flood.came.length === 40);
  other.send(read(1));
  await eventually(() => other.came[0]?.result);
});

test("a revoked token is rejected immediately on an open WebSocket", async (t) => {
  const { app, admin, eve } = await deployment(t);
  const one = socket(t, app, ["jsonrpc_2.0", eve.token]);
  await one.open();
  one.send(read(1));
  await eventually(() => one.came[0]?.result);
  await admin.revoke(eve.id);
  one.send(read(2));
  await eventually(() => one.came[1]);
  assert.equal(one.came[1].error.code, -32815);
});

test("uses of a closed WebSocket are still reported", { timeout: 120_000 }, async (t) => {
  const { app, eve } = await deployment(t);
  // An isolate with nothing to report, and no other requests that would report.
  await app.crash();
  const one = socket(t, app, ["jsonrpc_2.0", eve.token]);
  await one.open();
  one.send(read(1));
  await eventually(() => one.came[0]?.result);
  one.opened.close(1000);
  await one.closed();
  const calls = app.ledger.count("fetch");
  await eventually(() => app.ledger.count("fetch") > calls, 45);
  const headers = { authorization: `Bearer ${ROOT_TOKEN}`, "x-counterfoil-workspace": "acme" };
  const used = await app.fetch(`/v1/tokens/${eve.id}/usage`, { headers });
  assert.equal((await used.json()).total, 2, "one use for the connection, one for the message");
});

test("pages of other origins open a WebSocket only if the workspace allows them", async (t) => {
  const { app, admin, eve } = await deployment(t);
  const page = (protocols, origin = "https://app.example") => socket(t, app, protocols, { origin });
  assert.equal(await page(["jsonrpc_2.0", eve.token]).closed(), 403);
  assert.equal(await page(["jsonrpc_2.0"]).closed(), 403, "without a token the workspace is unknown");
  const own = page(["jsonrpc_2.0", eve.token], new URL(app.url).origin);
  await own.open();
  await admin.expect(200, "PATCH", "/v1/workspace", { allowed_origins: ["https://app.example"] });
  const allowed = page(["jsonrpc_2.0", eve.token]);
  await allowed.open();
  allowed.send(read(1));
  await eventually(() => allowed.came[0]?.result);
  await admin.expect(200, "PATCH", "/v1/workspace", { allowed_origins: [] });
  allowed.send(read(2));
  await eventually(() => allowed.came[1]);
  assert.equal(allowed.came[1].error.code, -32811, "each message is verified again");
  const start = await app.fetch("/");
  assert.deepEqual([start.status, start.headers.get("location")], [302, "/console/"]);
});
