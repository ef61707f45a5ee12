// A million tokens in one workspace: the cost of publishing them, the requests of an isolate with an empty cache, and
// the cost of a check by a snapshot of all of them.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate, inspect } from "../../build/verify/node.js";
import { initSync } from "../../build/verify/glue.js";
import { readManifest } from "../vectors/read.mjs";
import { Client, segmented } from "./deployments.mjs";
import { Asker } from "./drive.mjs";
import { number, print, quantile, verdict } from "./measure.mjs";

const TOKENS = Number(process.env.TOKENS ?? 1_000_000);
/** The maximum number of lines of an import. */
const MOST = 10_000;
/** The number of distinct tokens that a new isolate verifies. */
const UNSEEN = 1_000;
const MEBIBYTE = 1 << 20;

const app = await segmented();
const asker = new Asker(app.url);
const root = new Client(asker);
const {
  token: { token: first },
} = await root.send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" });
const key = inspect(first).workspace;
const admin = root.as(first);
await admin.send("PUT", "/v1/scopes", { scopes: [{ name: "orders:read", description: "reads orders" }] });
await admin.send("PATCH", "/v1/workspace", { default_quota: 1_000_000 });
const own = (await admin.send("POST", "/v1/tokens", { name: "", scopes: ["tokens:verify", "snapshots:read"] })).token;

const issue = () => admin.send("POST", "/v1/tokens", { name: "a token", scopes: ["orders:read"] });
const [doomed, issued] = [await issue(), []];
while (issued.length < UNSEEN) issued.push(await issue());
/** These, and the tokens of the first admin and of the verifier client. */
const OWN = UNSEEN + 3;

/** The members that own the imports, with the same number of tokens each. */
const OWNERS = 100;
for (let at = 0; at < OWNERS; at += 1) {
  await admin.send("POST", "/v1/members", {
    id: `m${at}`,
    name: "A member",
    role: "member",
    grants: ["orders:read"],
    quota: 1_000_000,
  });
}
const textOf = (at) => `imported-token-${String(at).padStart(12, "0")}`;
const seconds = (since) => (performance.now() - since) / 1_000;

/** The ledger's current edition: its manifest, and its generation. */
async function named() {
  const grant = await asker.ask(...admin.as(own).question("/v1/lease", { digests: [], segments: {} }));
  for (const [path, file] of app.files) {
    if (String(file.subarray(0, 2)) === "\u0001m" && grant.includes(Buffer.from(path.slice(-64), "hex")))
      return readManifest(file);
  }
  return undefined;
}

/** Waits until the current edition meets the condition, and returns it with the time that took. */
async function edition(isExpected) {
  const began = performance.now();
  for (;;) {
    const manifest = await named();
    if (manifest && isExpected(manifest)) return { manifest, took: seconds(began) };
    await sleep(50);
  }
}
const texts = ({ segments }) => segments.reduce((sum, { tokens }) => sum + Number(tokens), 0);
await edition((manifest) => texts(manifest) === OWN);
const idle = await app.memory(key);

process.stderr.write(`importing ${number(TOKENS)} tokens `);
const importing = performance.now();
for (let at = 0; at < TOKENS; at += MOST) {
  const line = (_, nth) => ({
    digest: createHash("sha256")
      .update(textOf(at + nth))
      .digest("hex"),
    name: "a token",
    scopes: ["orders:read"],
    owner: `m${(at + nth) % OWNERS}`,
  });
  const { items } = await admin.send("POST", "/v1/tokens/import", {
    tokens: Array.from({ length: Math.min(MOST, TOKENS - at) }, line),
  });
  if (!items.every(({ result }) => result === "imported")) throw new Error(`not imported: ${JSON.stringify(items[0])}`);
  process.stderr.write(".");
}
const imported = seconds(importing);
const all = await edition((manifest) => texts(manifest) === TOKENS + OWN);
process.stderr.write("\n");
const total = texts(all.manifest);
const keys = new Set([...all.manifest.segments, ...all.manifest.owners].map(({ name }) => `s/${key}/${name}`));
const bytes = [...keys].reduce((sum, path) => sum + app.files.get(path).length, 0);
const heap = await app.memory(key);

const known = new Set(app.files.keys());
await admin.send("DELETE", `/v1/tokens/${doomed.id}`);
const one = await edition(({ header }) => header.generation > all.manifest.header.generation);
const written = [...app.files.keys()].filter((path) => !known.has(path));

print(
  `A workspace of ${number(total)} tokens and ${number(OWNERS + 1)} members, on workerd`,
  ["", "", "budget"],
  [
    ["import, in sequential calls of 10,000", `${number(imported, 1)} s`, ""],
    ["from the last import until leases name an edition with all tokens", `${number(all.took, 1)} s`, ""],
    [
      "files: segments, owner segments",
      `${number(all.manifest.segments.length)}, ${number(all.manifest.owners.length)}`,
      "",
    ],
    ["bytes of these files per token", number(bytes / total, 1), verdict(bytes / total, { most: 32 })],
    ["memory of the object's module before", `${number(idle / MEBIBYTE, 1)} MiB`, ""],
    ["maximum since then", `${number(heap / MEBIBYTE, 1)} MiB`, verdict(heap / MEBIBYTE, { most: 64 })],
    ["from a revocation until leases name an edition with it", `${number(one.took, 1)} s`, ""],
    [
      "files written for it, and their bytes",
      `${number(written.length)}, ${number(written.reduce((sum, path) => sum + app.files.get(path).length, 0))}`,
      "",
    ],
  ],
);

/** An isolate with an empty cache verifies a thousand tokens, one after the other. */
async function cold({ segments, brief, ledgerTakes = 0, registryTakes = 0 }) {
  const [asked, read] = [[], []];
  const controlPlane = {
    fetch: async (url, { headers, body }) => {
      asked.push(body);
      await sleep(ledgerTakes);
      return new Response(await asker.ask(new URL(url).pathname, { headers, body }));
    },
  };
  const registry = {
    get: async (path) => {
      read.push(path);
      await sleep(registryTakes);
      return app.files.get(path) ?? null;
    },
  };
  const gate = new Gate({ controlPlane, token: own, registry, segments, memory: 64 << 20 });
  const demand = gate.compile({ allOf: ["orders:read"], brief });
  const began = performance.now();
  let firstTook;
  for (const { token } of issued) {
    if (!(await gate.verify(token, demand)).valid) throw new Error("a token is not valid");
    firstTook ??= performance.now() - began;
  }
  return { asked: asked.length, read: read.length, firstTook, took: performance.now() - began };
}

const rows = [];
for (const [name, options] of [
  ["without segments", { segments: false }],
  ["with segments, brief", { segments: true, brief: true }],
]) {
  for (const [where, takes] of [
    ["here", {}],
    ["far away", { ledgerTakes: 40, registryTakes: 10 }],
  ]) {
    const runs = [];
    for (let round = 0; round < 3; round += 1) runs.push(await cold({ ...options, ...takes }));
    const middle = (what) =>
      quantile(
        runs.map((run) => run[what]),
        0.5,
      );
    rows.push([
      `${name}, ${where}`,
      number(middle("asked")),
      number(middle("read")),
      number(middle("firstTook"), 1),
      number(middle("took")),
    ]);
  }
}
print(
  `A new isolate verifies ${number(UNSEEN)} of ${number(total)} tokens (far away: 40 ms more per query, 10 ms per read)`,
  ["", "queries to the ledger", "reads of the registry", "first decision, ms", `the ${number(UNSEEN)}th, ms`],
  rows,
);

// The same offline: a signed snapshot, and checks without any network.
const reader = admin.as(own);
const get = (path) => fetch(new URL(path, app.url), { headers: reader.headers });
const waiting = performance.now();
let answer = await get("/v1/snapshot");
while (answer.status === 503) {
  await sleep(200);
  answer = await get("/v1/snapshot");
}
const ready = seconds(waiting);
const file = new Uint8Array(await answer.arrayBuffer());
if (!answer.ok) throw new Error(`no snapshot: ${answer.status}`);
const keysOf = await (await get("/v1/snapshot/keys")).json();
const { memory } = initSync();
const held = memory.buffer.byteLength;
const loading = performance.now();
const offline = await Gate.offline(file, { keys: keysOf });
const loaded = performance.now() - loading;
const grown = memory.buffer.byteLength - held;
const demand = offline.compile({ allOf: ["orders:read"] });
const each = (subjects, code) => {
  const rounds = [];
  for (let round = 0; round < 9; round += 1) {
    const began = process.hrtime.bigint();
    for (const text of subjects)
      if (offline.code(text, demand) !== code) throw new Error("a check returned a wrong code");
    rounds.push(Number(process.hrtime.bigint() - began) / subjects.length);
  }
  return number(quantile(rounds, 0.5));
};
const some = Array.from({ length: 100_000 }, (_, at) => textOf((at * 7_919) % TOKENS));
const hashed = () => {
  const began = process.hrtime.bigint();
  for (const text of some) createHash("sha256").update(text).digest("hex");
  return number(Number(process.hrtime.bigint() - began) / some.length);
};
print(
  `A snapshot of ${number(total)} tokens, Node ${process.versions.node}`,
  ["", ""],
  [
    ["from the first request until the snapshot is built", `${number(ready, 1)} s`],
    ["bytes, and bytes per token", `${number(file.length)}, ${number(file.length / total, 1)}`],
    ["verifying its signature and loading it", `${number(loaded)} ms`],
    ["growth of the module's memory per token", number(grown / total, 1)],
    ["a check of a known token, one of 100,000", `${each(some, "VALID")} ns`],
    [
      "a check of an unknown token",
      `${each(
        some.map((text) => `${text}x`),
        "UNKNOWN",
      )} ns`,
    ],
    ["createHash('sha256') in hex alone", `${hashed()} ns`],
  ],
);

asker.close();
await app.stop();
