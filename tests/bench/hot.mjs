// Checks of cached tokens in Node: their duration, their allocations, and the memory of a cached record.

import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as verify from "../../build/verify/node.js";
import { initSync } from "../../build/verify/glue.js";
import { compare, number, print, verdict } from "./measure.mjs";
import { rows, subjects } from "./subjects.mjs";
import { controlPlane, texts } from "./tokens.mjs";

/** Consecutive checks: enough that garbage collection of what they allocate happens within the measured time. */
const TIMES = 200_000;

/** The package instantiates the module; this returns its exports. */
const { memory } = initSync();

const given = texts();
const records = given.digests.length;
/** The second half of the tokens, so that buffers of a fixed size do not count. */
let later;
const work = await subjects(verify, given, controlPlane(), (tokens) => {
  later = { tokens: records - tokens, from: memory.buffer.byteLength };
});
const held = (memory.buffer.byteLength - later.from) / later.tokens;

const timed =
  (name, times = TIMES) =>
  () => {
    const began = process.hrtime.bigint();
    if (work[name](times) !== times) throw new Error(`${name} returned a wrong result`);
    return Number(process.hrtime.bigint() - began) / times;
  };

await compare({
  id: "hot",
  title: `Checks of ${given.hot.length} hot tokens among ${number(records)} records, Node ${process.versions.node}`,
  unit: "ns per check",
  rounds: 21,
  at: 0.1,
  subjects: rows(timed, { check: 0.55, any: 0.6, batch: 0.4 }),
});

const MILLION = 1_000_000;
/** So few that usually no garbage collection occurs between two measurements. */
const FEW = 10_000;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ["gc"] });

const allocations = [];
for (const [name, shown] of [
  ["floor", "the floor"],
  ["bounded", "gate.check, bounded"],
  ["eventual", "gate.check, eventual"],
]) {
  work[name](FEW);
  collect();
  // Garbage collections are reported with a delay.
  await sleep(50);
  collections = 0;
  const wasm = memory.buffer.byteLength;
  let allocated = 0;
  for (let done = 0; done < MILLION; done += FEW) {
    const heap = process.memoryUsage().heapUsed;
    work[name](FEW);
    // If a garbage collection occurred meanwhile, the measurement is unusable.
    allocated += Math.max(0, process.memoryUsage().heapUsed - heap);
  }
  await sleep(50);
  allocations.push([shown, number(allocated / MILLION), number(collections), number(memory.buffer.byteLength - wasm)]);
}
print(
  `Allocations of ${number(MILLION)} checks`,
  ["", "heap bytes per check", "collections", "growth of the module's memory in bytes"],
  allocations,
  { id: "allocations" },
);

print(
  "Contents of the module's memory",
  ["", "bytes per token", "budget"],
  [["tokens with an id, a name and two scopes", number(held), verdict(held, { most: 160 })]],
  { id: "memory" },
);
