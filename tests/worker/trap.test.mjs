// Whatever kills the wasm instance, everybody who waits for it hears so at once, and the next call is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
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

test("a panic in the worker", async (t) => {
  const app = await start(t, { faulty: true });
  await assertInterrupted(await app.fetch("/faults/panic"));
  await assertServed(app);
});

test("a panic in the worker answers the other requests of the isolate too", async (t) => {
  const app = await start(t, { faulty: true });
  app.ledger.fail("fetch", "held");
  const waiting = createWorkspace(app, "waiting");
  await eventually(() => app.ledger.count("fetch") > 0);
  await assertInterrupted(await app.fetch("/faults/panic"));
  await assertInterrupted(await waiting);
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "next")).status, 201);
});

test("a timer of an instance that is gone takes no other instance down", async (t) => {
  const app = await start(t, { faulty: true });
  app.ledger.fail("fetch", "held");
  // It waits for its ledger, for 5 seconds at most.
  const waiting = createWorkspace(app, "waiting");
  await eventually(() => app.ledger.count("fetch") > 0);
  await assertInterrupted(await app.fetch("/faults/panic"));
  await assertInterrupted(await waiting);
  await sleep(6_000);
  const lost = app.log.filter((line) => line.includes("INTERRUPTED"));
  assert.equal(lost.length, 1, lost.join("\n"));
  app.ledger.heal();
  await assertServed(app);
});

test("a panic in an object answers the worker that waits for it", async (t) => {
  const app = await start(t, { faulty: true });
  app.ledger.fail("fetch", "panicked");
  await assertInterrupted(await createWorkspace(app, "first"));
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "second")).status, 201);
});

test("a panic in an object answers a caller elsewhere", async (t) => {
  const app = await start(t, { faulty: true });
  await assert.rejects(app.object("directory", "https://ledger/panic", { method: "POST" }), /trapped/);
  assert.equal((await createWorkspace(app, "next")).status, 201);
});

test("an instance that dies while it waits for a ledger", async (t) => {
  const app = await start(t);
  app.ledger.fail("fetch", "broken");
  await assertInterrupted(await createWorkspace(app, "first"));
  app.ledger.heal();
  assert.equal((await createWorkspace(app, "second")).status, 201);
});

test("an instance that dies while an alarm writes the registry", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  app.registry.fail("put", "broken");
  // The alarm may come before this is answered, and its trap would cut it short.
  await admin.send("POST", "/v1/tokens", { name: "late", scopes: [] });
  await eventually(() => app.log.some((line) => line.includes("INTERRUPTED")));
  app.registry.heal();
  await assertServed(app);
  const { items } = await admin.expect(200, "GET", "/v1/tokens");
  assert.ok(items.some(({ name }) => name === "late"));
  await eventually(async () => (await app.keys("r/")).length === items.length, 30);
});
