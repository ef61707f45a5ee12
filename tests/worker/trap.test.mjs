// Whatever terminates the wasm instance, all waiting callers get an error immediately, and the next call is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { ROOT_TOKEN, eventually, start } from "./harness.mjs";

const createWorkspace = (app, slug) =>
  app.fetch("/v1/workspaces", {
    method: "POST",
    headers: { authorization: `Bearer ${ROOT_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ slug, name: slug }),
  });

async function assertInterrupted(response) {
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = await response.json();
  assert.equal(problem.code, "INTERRUPTED");
  assert.equal(problem.request_id, response.headers.get("x-request-id"));
}

async function assertServed(app) {
  assert.equal((await app.fetch("/healthz")).status, 200);
}

test("a panic in the worker is answered and the next request served", async (t) => {
  const app = await start(t, { faulty: true });
  await assertInterrupted(await app.fetch("/faults/panic"));
  await assertServed(app);
});

test("a panic in the worker fails the isolate's other requests immediately", async (t) => {
  const app = await start(t, { faulty: true });
  app.ledger.fail("fetch", "held");
  const waiting = createWorkspace(app, "waiting");
  await eventually(() => app.ledger.count("fetch") > 0);
  await assertInterrupted(await app.fetch("/faults/panic"));
  await assertInterrupted(await waiting);
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "next")).status, 201);
});

test("a timer of a lost instance does not affect another instance", async (t) => {
  const app = await start(t, { faulty: true });
  // The admin's usage waits to be reported, with a timer that outlives its instance.
  const { admin } = await workspace(app, "acme");
  await assertInterrupted(await app.fetch("/faults/panic"));
  const { id } = await admin.expect(200, "GET", "/v1/tokens/self");
  const calls = app.ledger.count("fetch");
  await eventually(() => app.ledger.count("fetch") > calls, 45);
  const lost = app.log.filter((line) => line.includes("INTERRUPTED"));
  assert.equal(lost.length, 1, lost.join("\n"));
  const { total } = await admin.expect(200, "GET", `/v1/tokens/${id}/usage`);
  assert.equal(total, 1, "the next instance's usage is counted");
});

test("a panic in an object fails the waiting worker's call immediately", async (t) => {
  const app = await start(t, { faulty: true });
  app.ledger.fail("fetch", "panicked");
  await assertInterrupted(await createWorkspace(app, "first"));
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "second")).status, 201);
});

test("a panic in an object fails another caller immediately", async (t) => {
  const app = await start(t, { faulty: true });
  await assert.rejects(app.object("directory", "https://ledger/panic", { method: "POST" }), /trapped/);
  assert.equal((await createWorkspace(app, "next")).status, 201);
});

test("an instance lost while waiting for a ledger is replaced", async (t) => {
  const app = await start(t);
  app.ledger.fail("fetch", "broken");
  await assertInterrupted(await createWorkspace(app, "first"));
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "second")).status, 201);
});

test("an instance lost while an alarm writes the registry is replaced", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  app.registry.fail("put", "broken");
  // The alarm may run before the response is sent, and its trap would interrupt the response.
  await admin.send("POST", "/v1/tokens", { name: "late", scopes: [] });
  await eventually(() => app.log.some((line) => line.includes("INTERRUPTED")));
  app.registry.heal();
  await assertServed(app);
  const { items } = await admin.expect(200, "GET", "/v1/tokens");
  assert.ok(items.some(({ name }) => name === "late"));
  await eventually(async () => (await app.keys("r/")).length === items.length, 30);
});
