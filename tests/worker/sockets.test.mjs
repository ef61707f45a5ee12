// WebSockets when the wasm instance that answers their frames is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "@softvisio/core/websocket";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

/** An open socket: the received frames, and how it was closed. */
async function open(t, app, token) {
  const url = new URL("/", app.url);
  url.protocol = "ws:";
  const socket = new WebSocket(url, ["jsonrpc_2.0", token]);
  const came = [];
  let closed;
  socket.on("message", (data) => came.push(JSON.parse(data)));
  socket.on("close", (code) => (closed = code));
  socket.on("error", () => {});
  t.after(() => socket.terminate());
  await eventually(() => socket.readyState === WebSocket.OPEN);
  const ping = (id) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "/ping" }));
  return { came, ping, closed: () => closed };
}

test("a WebSocket is closed when its instance is lost, and others are not affected", async (t) => {
  const app = await start(t, { faulty: true });
  const { admin } = await workspace(app, "acme");
  const old = await open(t, app, admin.token);
  old.ping(1);
  await eventually(() => old.came.length === 1);
  assert.equal((await app.fetch("/faults/panic")).status, 503);
  const other = await open(t, app, admin.token);
  other.ping(1);
  await eventually(() => other.came.length === 1);
  await eventually(() => old.closed());
  assert.equal(old.closed(), 1012);
  other.ping(2);
  await eventually(() => other.came.length === 2);
  assert.equal(other.closed(), undefined);
  const lost = app.log.filter((line) => line.includes("INTERRUPTED"));
  assert.equal(lost.length, 1, lost.join("\n"));
});
