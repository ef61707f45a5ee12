// What a gate does in the background of a request neither fails the request nor ends the process.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isValid } from "../../build/verify/node.js";
import { demand } from "./harness.mjs";
import { LEASE, NOW, TEXT, written } from "./written.mjs";

test("a lease that cannot be renewed is told, and the request goes on", async (t) => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const clock = { now: NOW, reads: Infinity };
  const failures = [];
  const { gate } = written({
    // It is read once by the check, and then by the renewal.
    now: () => {
      if ((clock.reads -= 1) < 0) throw new Error("no clock");
      return clock.now;
    },
    onFailure: async ({ message }) => {
      failures.push(message);
      throw new Error("nobody is told");
    },
  });
  const compiled = gate.compile(demand);
  await gate.verify(TEXT, compiled);
  clock.now += LEASE / 2;
  clock.reads = 1;
  assert.ok(isValid(gate.check(TEXT, compiled)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(failures, ["no clock"]);
  assert.deepEqual(unhandled, []);
});
