// Checks while the registry or the ledger is slow, unresponsive or stale, or while the registry holds damaged data: no
// invalid token is accepted, and a fault stays local.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

const EVENTUAL = { freshness: "eventual" };

/** The timeout of a registry read, and the delay allowed for a slow machine, in milliseconds. */
const PATIENCE = 2_000;
const LATE = 2_000;

async function timed(work) {
  const began = performance.now();
  const outcome = await work();
  return { outcome, took: performance.now() - began };
}

/** A deployment whose registry has the records of two tokens, and an isolate with an empty cache. */
async function deployment(t) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const [one, other] = [await admin.issue({ scopes: ["orders:read"] }), await admin.issue({ scopes: ["orders:read"] })];
  await eventually(async () => (await app.records()).length === 5);
  await app.crash();
  return { app, key, admin, one, other };
}

test("an unresponsive registry delays a check by two seconds, and a bounded one not at all", async (t) => {
  const { app, admin, one, other } = await deployment(t);
  assert.equal(await admin.code(one.token), "VALID", "the isolate has a lease");
  app.registry.fail("get", "held");
  const { outcome, took } = await timed(() => admin.verify(other.token, EVENTUAL));
  assert.equal(outcome.code, "VALID", "the ledger was queried");
  assert.ok(took >= PATIENCE - 100 && took < PATIENCE + LATE, `it took ${took} ms`);
  const bounded = await timed(() => admin.code(one.token));
  assert.equal(bounded.outcome, "VALID");
  assert.ok(bounded.took < PATIENCE / 2, `it took ${bounded.took} ms`);
});

test("a check waits for a slow registry", async (t) => {
  const { app, admin, one } = await deployment(t);
  const asked = app.ledger.count("fetch");
  app.registry.fail("get", "held");
  const answer = admin.verify(one.token, EVENTUAL);
  await sleep(PATIENCE / 2);
  app.registry.heal();
  const { code, freshness } = await answer;
  assert.deepEqual([code, freshness], ["VALID", "eventual"]);
  assert.equal(app.ledger.count("fetch"), asked + 1, "only for the caller's token");
});

test("a check is UNAVAILABLE if registry and ledger are unresponsive", async (t) => {
  const { app, admin, one, other } = await deployment(t);
  assert.equal(await admin.code(one.token), "VALID");
  // The caller's token is valid under the lease.
  app.registry.fail("get", "held");
  app.ledger.fail("fetch", "refused");
  const { outcome, took } = await timed(() =>
    admin.send("POST", "/v1/verify", { token: other.token, demand: EVENTUAL }),
  );
  assert.deepEqual([outcome.status, outcome.body.code], [200, "UNAVAILABLE"]);
  assert.ok(took < PATIENCE + LATE, `it took ${took} ms`);
});

test("a failed registry read falls back to the ledger", async (t) => {
  const { app, admin, one } = await deployment(t);
  app.registry.fail("get", "refused");
  const { outcome, took } = await timed(() => admin.code(one.token, EVENTUAL));
  assert.equal(outcome, "VALID");
  assert.ok(took < PATIENCE, `it took ${took} ms`);
});

test("damaged registry records are not accepted, and the ledger is queried", async (t) => {
  const { app, key, admin, one } = await deployment(t);
  const records = [`r/${key}/${one.digest}`, `o/${key}/1`, `w/${key}`];
  const good = new Map(await Promise.all(records.map(async (name) => [name, Buffer.from(await app.stored(name))])));
  const garbage = [
    "",
    "garbage",
    // Under each key a truncated record.
    ...records.map((name) => good.get(name).subarray(0, -1)),
  ];
  for (const bytes of garbage) {
    for (const name of records) await app.plant(name, bytes);
    await app.crash();
    assert.equal(await admin.code(one.token, EVENTUAL), "VALID", "decided by the ledger");
  }
  await admin.revoke(one.id);
  for (const name of records) await app.plant(name, "garbage");
  await app.crash();
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "decided by the ledger");
});

test("a stale registry record is accepted by eventual checks only and replaces no newer one", async (t) => {
  const { app, key, admin, one } = await deployment(t);
  const name = `r/${key}/${one.digest}`;
  const old = await app.stored(name);
  await admin.revoke(one.id);
  await eventually(async () => !Buffer.from(await app.stored(name)).equals(Buffer.from(old)));
  await app.plant(name, old);
  assert.equal(await admin.code(one.token), "REVOKED", "decided by the ledger");
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "the isolate's cache is newer than the registry");
  await app.crash();
  assert.equal(await admin.code(one.token, EVENTUAL), "VALID", "eventual checks are as stale as the registry");
  assert.equal(await admin.code(one.token, { freshness: "strong" }), "REVOKED");
  assert.equal(await admin.code(one.token, EVENTUAL), "REVOKED", "afterwards the change is cached");
  await app.crash();
  assert.equal(await admin.code(one.token), "REVOKED");
});

test("an alarm that fails ten times is retried until the registry is up to date", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  await eventually(async () => (await app.records()).length === 3);
  // Each write terminates the instance that runs the alarm. The runtime would drop an alarm that has thrown six times.
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
