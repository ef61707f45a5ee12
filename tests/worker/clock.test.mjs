// The wall clock of workerd, the Worker's and the ledgers' alike, is set forward and back while tokens are checked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { step } from "./clock.mjs";
import { eventually, start } from "./harness.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A lease's length, and by how much later a busy machine may answer, in milliseconds. */
const LEASE = 10_000;
const LATE = 2_000;

const STRONG = { freshness: "strong" };
const EVENTUAL = { freshness: "eventual" };

async function deployment(t) {
  step(0);
  const app = await start(t);
  return { app, ...(await workspace(app, "acme")) };
}

test("a step of the clock makes no good token fail, and brings no revoked one back", async (t) => {
  const { admin } = await deployment(t);
  const good = await admin.issue({ scopes: ["orders:read"] });
  const revoked = [];
  for (const offset of [1_000, -1_000, 5 * MINUTE, -5 * MINUTE, HOUR, -HOUR, 24 * HOUR, 0]) {
    const one = await admin.issue({ scopes: ["orders:read"] });
    assert.equal(await admin.code(one.token), "VALID", "a lease runs");
    await admin.revoke(one.id);
    step(offset);
    const began = performance.now();
    revoked.push(one.token);
    while ((await admin.code(one.token)) !== "REVOKED") {
      assert.ok(performance.now() - began < LEASE + LATE, `it passes for longer than a lease, off by ${offset} ms`);
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

test("a token expires by the clock, and works again where that was set back before its end", async (t) => {
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

test("whoever waits until a revocation is safe waits no longer than a lease, whatever the clock does", async (t) => {
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

test("a change reaches the registry though the clock was set forward and back in between", async (t) => {
  const { app, key, admin } = await deployment(t);
  const published = (token) => eventually(() => app.stored(`r/${key}/${token.digest}`), 30);
  await published(await admin.issue({ scopes: ["orders:read"] }));
  for (const offset of [HOUR, 0, -HOUR, 0]) {
    // What waits was written before the step.
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
