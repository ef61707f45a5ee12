// Steps of workerd's wall clock, which the Worker and the ledgers share, while tokens are verified.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { step } from "./clock.mjs";
import { eventually, start } from "./harness.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The lease, and the delay allowed for a slow machine, in milliseconds. */
const LEASE = 10_000;
const LATE = 2_000;

const STRONG = { freshness: "strong" };
const EVENTUAL = { freshness: "eventual" };

async function deployment(t) {
  step(0);
  const app = await start(t);
  return { app, ...(await workspace(app, "acme")) };
}

test("a clock step neither rejects a valid token nor accepts a revoked one", async (t) => {
  const { admin } = await deployment(t);
  const good = await admin.issue({ scopes: ["orders:read"] });
  const revoked = [];
  for (const offset of [1_000, -1_000, 5 * MINUTE, -5 * MINUTE, HOUR, -HOUR, 24 * HOUR, 0]) {
    const one = await admin.issue({ scopes: ["orders:read"] });
    assert.equal(await admin.code(one.token), "VALID", "the verifier has a lease");
    await admin.revoke(one.id);
    step(offset);
    const began = performance.now();
    revoked.push(one.token);
    while ((await admin.code(one.token)) !== "REVOKED") {
      assert.ok(performance.now() - began < LEASE + LATE, `accepted for longer than a lease, off by ${offset} ms`);
      await sleep(100);
    }
    for (const token of revoked) {
      assert.equal(await admin.code(token), "REVOKED", `off by ${offset} ms`);
      assert.equal(await admin.code(token, STRONG), "REVOKED", `off by ${offset} ms`);
    }
    assert.equal(await admin.code(good.token), "VALID", `off by ${offset} ms`);
    assert.equal(await admin.code(good.token, STRONG), "VALID", `off by ${offset} ms`);
    const fresh = await admin.issue({ scopes: ["orders:read"] });
    assert.equal(await admin.code(fresh.token), "VALID", `off by ${offset} ms`);
  }
});

test("a token expires by the clock, and is valid again if the clock is set back", async (t) => {
  const { admin } = await deployment(t);
  const one = await admin.issue({ scopes: ["orders:read"], expires_in: 600 });
  for (const [offset, code] of [
    [0, "VALID"],
    [5 * MINUTE, "VALID"],
    [HOUR, "EXPIRED"],
    [0, "VALID"],
    [-HOUR, "VALID"],
    [HOUR, "EXPIRED"],
  ]) {
    step(offset);
    assert.equal(await admin.code(one.token, STRONG), code, `off by ${offset} ms`);
    assert.equal(await admin.code(one.token), code, `off by ${offset} ms`);
  }
});

test("waiting for a revocation takes at most a lease, even with clock steps", async (t) => {
  const { admin } = await deployment(t);
  for (const offset of [HOUR, -HOUR, 0]) {
    const one = await admin.issue({ scopes: ["orders:read"] });
    assert.equal(await admin.code(one.token), "VALID");
    step(offset);
    const began = performance.now();
    await admin.expect(200, "DELETE", `/v1/tokens/${one.id}?wait=true`);
    const took = performance.now() - began;
    assert.ok(took < LEASE + LATE, `${took} ms, off by ${offset} ms`);
    assert.equal(await admin.code(one.token), "REVOKED");
  }
});

test("a change reaches the registry despite clock steps", async (t) => {
  const { app, key, admin } = await deployment(t);
  const published = (token) => eventually(() => app.stored(`r/${key}/${token.digest}`), 30);
  await published(await admin.issue({ scopes: ["orders:read"] }));
  for (const offset of [HOUR, 0, -HOUR, 0]) {
    // The record was enqueued before the clock step.
    app.registry.fail("put", "refused");
    const before = await admin.issue({ scopes: ["orders:read"] });
    await eventually(() => app.registry.passed.some(({ argument }) => argument.endsWith(before.digest)));
    step(offset);
    app.registry.heal();
    const after = await admin.issue({ scopes: ["orders:read"] });
    await published(after);
    await published(before);
    await app.crash();
    assert.equal(await admin.code(before.token, EVENTUAL), "VALID", `off by ${offset} ms`);
  }
});
