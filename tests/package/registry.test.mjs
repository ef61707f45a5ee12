// A registry that is slow or does not answer delays a check by one second at most; then the control plane is queried. A
// check has few reads at once: Workers allows six connections per request.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate } from "../../build/verify/node.js";
import { demand, gateOf } from "./harness.mjs";
import { segmentedGateOf } from "./segmented.mjs";

const vectors = async (name) => JSON.parse(await readFile(new URL(`../vectors/${name}`, import.meta.url), "utf8"));

/** The limit, and an allowance for a slow machine, in milliseconds. */
const PATIENCE = 1000;
const LATE = 900;

/** Never resolves. */
const never = () => new Promise(() => {});

/** The duration of `work`, and its result. */
async function timed(work) {
  const began = performance.now();
  const outcome = await work();
  return { outcome, took: performance.now() - began };
}

function assertOneLimit(took) {
  assert.ok(took >= PATIENCE - 50 && took < PATIENCE + LATE, `it took ${took} ms`);
}

/** Counts the concurrent reads of a registry. */
function counted(get) {
  const reads = { out: 0, most: 0, all: 0, keys: [] };
  reads.get = async (key, type) => {
    reads.out += 1;
    reads.all += 1;
    reads.keys.push(key);
    reads.most = Math.max(reads.most, reads.out);
    try {
      return await get(key, type);
    } finally {
      reads.out -= 1;
    }
  };
  return reads;
}

test("an eventual check waits one second for a hanging registry, then queries the control plane", async (t) => {
  const registry = counted(never);
  const { admin, gate, asked } = await gateOf(t, { registry, segments: false, freshness: "eventual" });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  const { outcome, took } = await timed(() => gate.verify(token, demand));
  assert.deepEqual([outcome.valid, outcome.code], [true, "VALID"]);
  assert.equal(asked.length, 1);
  assertOneLimit(took);
});

test("it is UNAVAILABLE if the control plane does not answer either", async (t) => {
  const { token } = await gateToken();
  const controlPlane = { fetch: async () => new Response("{}", { status: 503 }) };
  const failures = [];
  const gate = new Gate({
    controlPlane,
    token,
    registry: { get: never },
    freshness: "eventual",
    onFailure: ({ message }) => failures.push(message),
  });
  const { outcome, took } = await timed(() => gate.verify(token, {}));
  assert.equal(outcome.code, "UNAVAILABLE");
  assertOneLimit(took);
  assert.equal(failures.length, 1);
});

/** A token of the vectors. */
async function gateToken() {
  const { valid } = await vectors("token.json");
  return { token: valid[0].text, workspace: valid[0].workspace };
}

test("a hanging registry delays a check of many tokens only once", async (t) => {
  const registry = counted(never);
  const { admin, gate } = await gateOf(t, { registry, segments: false, freshness: "eventual" });
  const tokens = [];
  for (let at = 0; at < 20; at += 1) tokens.push((await admin.issue({ scopes: ["orders:read"] })).token);
  const { outcome, took } = await timed(() => gate.verifyAll(tokens, demand));
  assert.ok(
    outcome.every(({ valid }) => valid),
    JSON.stringify(outcome.find(({ valid }) => !valid)),
  );
  assertOneLimit(took);
  assert.ok(registry.most <= 4, `${registry.most} reads at once`);
  assert.equal(registry.all, registry.most, "after a timeout no other read is started");
});

test("a hanging control plane times out even if its fetch ignores the signal", async (t) => {
  const { token } = await gateToken();
  const whole = new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) }));
  for (const answer of [never, async () => whole]) {
    const failures = [];
    const onFailure = ({ message }) => failures.push(message);
    const gate = new Gate({ controlPlane: { fetch: answer }, token, timeout: 300, onFailure });
    const { outcome, took } = await timed(() => gate.verify(token, {}));
    assert.equal(outcome.code, "UNAVAILABLE");
    assert.ok(took >= 250 && took < 300 + LATE, `it took ${took} ms`);
    assert.deepEqual(failures, ["Counterfoil cannot be reached, or did not respond within 300 ms."]);
  }
});

test("a slow registry is read a few keys at a time", async (t) => {
  const held = await segmentedGateOf(t, { tokens: 12 });
  const { app, issued, gate, asked } = held;
  // An eventual check reads each token separately.
  await gate.verify(issued[0].token, { ...demand, freshness: "eventual" });
  const registry = counted(async (key) => {
    await sleep(60);
    return app.stored(key);
  });
  const slow = new Gate({
    controlPlane: { fetch: never },
    token: held.own.token,
    registry,
    segments: false,
    timeout: 300,
  });
  const tokens = issued.map(({ token }) => token);
  const decisions = await slow.verifyAll(tokens, { ...demand, freshness: "eventual" });
  assert.deepEqual([...new Set(decisions.map(({ code }) => code))], ["VALID"]);
  assert.ok(registry.all >= tokens.length);
  assert.equal(registry.most, 4);
  assert.ok(asked.length <= 1);
});

test("segments load a few at a time and a hanging one costs one second", async (t) => {
  const held = await segmentedGateOf(t, { tokens: 6 });
  const { issued, gate, asked } = held;
  const brief = { ...demand, brief: true };
  assert.ok((await gate.verify(issued[0].token, brief)).valid);
  held.spoil = never;
  const { outcome, took } = await timed(() => gate.verify(issued[1].token, brief));
  assert.ok(outcome.valid, "the control plane decides");
  assertOneLimit(took);
  assert.equal(asked.length, 2);
});
