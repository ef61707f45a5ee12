// Checks of cached tokens in Node: their duration, their allocations, and the memory of a cached record.

import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { generateKeyPair, jwtVerify, SignJWT } from "jose";
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

/** A JSON Web Token checked as its users check it: signature, issuer, audience, expiry and a scope. It cannot be revoked. */
async function jwt(algorithm, signing, verifying) {
  const expected = { issuer: "https://issuer.example", audience: "https://api.example" };
  const signed = await new SignJWT({ scope: "orders:read" })
    .setProtectedHeader({ alg: algorithm })
    .setIssuer(expected.issuer)
    .setAudience(expected.audience)
    .setExpirationTime("1 day")
    .sign(signing);
  const times = 5_000;
  return async () => {
    const began = process.hrtime.bigint();
    for (let at = 0; at < times; at += 1) {
      const { payload } = await jwtVerify(signed, verifying, expected);
      if (payload.scope !== "orders:read") throw new Error("the JSON Web Token was not accepted");
    }
    return Number(process.hrtime.bigint() - began) / times;
  };
}

const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
const shared = await crypto.subtle.generateKey(hmac, false, ["sign", "verify"]);
const pair = await generateKeyPair("EdDSA");

const timed =
  (name, times = TIMES) =>
  () => {
    const began = process.hrtime.bigint();
    if (work[name](times) !== times) throw new Error(`${name} returned a wrong result`);
    return Number(process.hrtime.bigint() - began) / times;
  };

await compare({
  title: `Checks of ${given.hot.length} hot tokens among ${number(records)} records, Node ${process.versions.node}`,
  unit: "ns per check",
  rounds: 21,
  at: 0.1,
  subjects: [
    ...rows(timed, { check: 0.55, any: 0.6, batch: 0.4 }),
    { name: "jose jwtVerify, HS256", run: await jwt("HS256", shared, shared) },
    { name: "jose jwtVerify, EdDSA", run: await jwt("EdDSA", pair.privateKey, pair.publicKey) },
  ],
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
);

print(
  "Contents of the module's memory",
  ["", "bytes per token", "budget"],
  [["tokens with an id, a name and two scopes", number(held), verdict(held, { most: 160 })]],
);
