// What a check meets where the registry or the ledger is slow, silent, stale, or where the registry holds what it must not:
// nobody is let in, and one fault is not everybody's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

const EVENTUAL = { freshness: "eventual" };

/** How long a read of the registry may take, and by how much later a busy machine may say so, in milliseconds. */
const PATIENCE = 2_000;
const LATE = 2_000;

async function timed(work) {
  const began = performance.now();
  const outcome = await work();
  return { outcome, took: performance.now() - began };
}

/** A deployment whose registry has the records of two tokens, and an isolate that has met neither. */
async function deployment(t) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const [one, other] = [await admin.issue({ scopes: ["orders:read"] }), await admin.issue({ scopes: ["orders:read"] })];
  await eventually(async () => (await app.records()).length === 5);
  await app.crash();
  return { app, key, admin, one, other };
}

test("a registry that gives no answer costs a check two seconds, and no bounded one anything", async (t) => {
  const { app, admin, one, other } = await deployment(t);
  assert.equal(await admin.code(one.token), "VALID", "the isolate has a lease");
  app.registry.fail("get", "held");
  const { outcome, took } = await timed(() => admin.verify(other.token, EVENTUAL));
  assert.equal(outcome.code, "VALID", "the ledger was asked");
  assert.ok(took >= PATIENCE - 100 && took < PATIENCE + LATE, `it took ${took} ms`);
  const bounded = await timed(() => admin.code(one.token));
  assert.equal(bounded.outcome, "VALID");
  assert.ok(bounded.took < PATIENCE / 2, `it took ${bounded.took} ms`);
});

test("a registry that is slow is waited for", async (t) => {
  const { app, admin, one } = await deployment(t);
  const asked = app.ledger.count("fetch");
  app.registry.fail("get", "held");
  const answer = admin.verify(one.token, EVENTUAL);
  await sleep(PATIENCE / 2);
  app.registry.heal();
  const { code, freshness } = await answer;
  assert.deepEqual([code, freshness], ["VALID", "eventual"]);
  assert.equal(app.ledger.count("fetch"), asked + 1, "about who asks, and nothing else");
});

test("where the ledger gives none either, it is UNAVAILABLE after as long", async (t) => {
  const { app, admin, one, other } = await deployment(t);
  assert.equal(await admin.code(one.token), "VALID");
  // Who asks is known by the lease.
  app.registry.fail("get", "held");
  app.ledger.fail("fetch", "refused");
  const { outcome, took } = await timed(() =>
    admin.send("POST", "/v1/verify", { token: other.token, demand: EVENTUAL }),
  );
  assert.deepEqual([outcome.status, outcome.body.code], [200, "UNAVAILABLE"]);
  assert.ok(took < PATIENCE + LATE, `it took ${took} ms`);
});

test("a registry whose reads fail costs a question to the ledger", async (t) => {
  const { app, admin, one } = await deployment(t);
  app.registry.fail("get", "refused");
  const { outcome, took } = await timed(() => admin.code(one.token, EVENTUAL));
  assert.equal(outcome, "VALID");
  assert.ok(took < PATIENCE, `it took ${took} ms`);
});

test("garbage in the registry is nobody's pass, and the ledger is asked", async (t) => {
  const { app, key, admin, one } = await deployment(t);
  const records = [`r/${key}/${one.digest}`, `o/${key}/1`, `w/${key}`];
  const good = new Map(await Promise.all(records.map(async (name) => [name, Buffer.from(await app.stored(name))])));
  const garbage = [
    "",
    "garbage",
    // Under each key a part of what is there.
    ...records.map((name) => good.get(name).subarray(0, -1)),
  ];
  for (const bytes of garbage) {
    for (const name of records) await app.plant(name, bytes);
    await app.crash();
    assert.equal(await admin.code(one.token, EVENTUAL), "VALID", "by the ledger");
  }
  await admin.revoke(one.id);
  for (const name of records) await app.plant(name, "garbage");
  await app.crash();
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "by the ledger");
});

test("a registry that is stale lets nobody in but by an eventual check, and overtakes nothing that is known", async (t) => {
  const { app, key, admin, one } = await deployment(t);
  const name = `r/${key}/${one.digest}`;
  const old = await app.stored(name);
  await admin.revoke(one.id);
  await eventually(async () => !Buffer.from(await app.stored(name)).equals(Buffer.from(old)));
  await app.plant(name, old);
  assert.equal(await admin.code(one.token), "REVOKED", "by the ledger");
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "this isolate knows better than the registry");
  await app.crash();
  assert.equal(await admin.code(one.token, EVENTUAL), "VALID", "as old as the registry, which is what eventual means");
  assert.equal(await admin.code(one.token, { freshness: "strong" }), "REVOKED");
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "and now it knows");
  await app.crash();
  assert.equal(await admin.code(one.token), "REVOKED");
});

test("an alarm that fails ten times in a row comes again, and in the end the registry is right", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  await eventually(async () => (await app.records()).length === 3);
  // Each put ends the instance that the alarm runs in. The runtime would drop an alarm that has thrown six times.
  app.registry.fail("put", "broken");
  await admin.send("POST", "/v1/tokens", { name: "late", scopes: [] });
  const alarms = () => app.log.filter((line) => line.includes("INTERRUPTED")).length;
  await eventually(() => alarms() >= 10, 120);
  app.registry.heal();
  const { items } = await eventually(async () => {
    const answer = await admin.send("GET", "/v1/tokens");
    return answer.status === 200 && answer.body;
  });
  const late = items.find(({ name }) => name === "late");
  await eventually(() => app.stored(`r/${key}/${late.digest}`), 30);
});
