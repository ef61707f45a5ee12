// Background work of a gate neither fails the request nor ends the process.

import assert from "node:assert/strict";
import { test } from "node:test";
import { demand } from "./harness.mjs";
import { LEASE, NOW, TEXT, written } from "./written.mjs";

test("a failed lease renewal is reported and does not fail the request", async (t) => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const clock = { now: NOW, reads: Infinity };
  const failures = [];
  const { gate } = written({
    // Read once by the check, and then by the renewal.
    now: () => {
      if ((clock.reads -= 1) < 0) throw new Error("no clock");
      return clock.now;
    },
    onFailure: async ({ message }) => {
      failures.push(message);
      throw new Error("thrown by onFailure");
    },
  });
  const compiled = gate.compile(demand);
  await gate.verify(TEXT, compiled);
  clock.now += LEASE / 2;
  clock.reads = 1;
  assert.equal(gate.check(TEXT, compiled), true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(failures, ["no clock"]);
  assert.deepEqual(unhandled, []);
});

test("check returns a truthy value for valid tokens only", async () => {
  const { gate } = written({});
  const [met, unmet, strong] = [demand, { allOf: ["orders:write"] }, { freshness: "strong" }].map((one) =>
    gate.compile(one),
  );
  const outcome = (demand, text = TEXT) => [gate.check(text, demand), gate.code(text, demand)];
  assert.deepEqual(outcome(met), [undefined, "PENDING"]);
  await gate.verify(TEXT, met);
  assert.deepEqual(outcome(met), [true, "VALID"]);
  assert.deepEqual(outcome(unmet), [false, "INSUFFICIENT_SCOPE"]);
  assert.deepEqual(outcome(strong), [undefined, "PENDING"]);
  assert.deepEqual(outcome(met, "short"), [false, "MALFORMED"]);
  for (const none of [undefined, null, 0, 99, NaN, {}, "orders:read", demand]) {
    assert.deepEqual(outcome(none), [false, "UNAVAILABLE"], String(none));
  }
  const into = Array(3).fill("previous");
  assert.equal(gate.checkAll([TEXT, "short", "another-systems-other-token"], met, { into }), into);
  assert.deepEqual(into, [true, false, undefined]);
  // Also as numbers, if the caller passes a typed array.
  assert.deepEqual([...gate.checkAll([TEXT, "short"], met, { into: new Uint32Array(2) })], [1, 0]);
});
