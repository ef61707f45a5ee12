// The throughput of one ledger: lease requests, which all verifiers of a workspace send to the same object.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate } from "../../build/verify/node.js";
import { Client, counterfoil, minimal } from "./deployments.mjs";
import { Asker } from "./drive.mjs";
import { compare, number, print, quantile, verdict } from "./measure.mjs";

const MILLISECONDS = 500;
const ROUNDS = 9;
const WIDE = 32;
/** The maximum number of lines of an import. */
const MOST = 10_000;

/** The epoch and the generation of a lease, from its bytes: see docs/format.md and `Grant` in crates/verify. */
function positionOf(bytes) {
  let at = 2;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const epoch = varint();
  if (bytes[at++] === 1) varint();
  varint();
  // The workspace's key, and the ledger's clock.
  at += 6;
  varint();
  return { epoch, generation: varint() };
}

/** A workspace with this many tokens, and the possible requests about them. */
async function workspace(asker, tokens) {
  const slug = `of-${tokens}`;
  const founded = await new Client(asker).send("POST", "/v1/workspaces", { slug, name: slug });
  const admin = new Client(asker, founded.token.token);
  await admin.send("PUT", "/v1/scopes", { scopes: [{ name: "orders:read", description: "reads orders" }] });
  await admin.send("PATCH", "/v1/workspace", { default_quota: 1_000_000 });
  const digests = Array.from({ length: tokens }, (_, at) =>
    createHash("sha256").update(`token ${at} of ${slug}`).digest("hex"),
  );
  let items;
  for (let at = 0; at < tokens; at += MOST) {
    const lines = digests.slice(at, at + MOST).map((digest) => ({ digest, name: "a token", scopes: ["orders:read"] }));
    ({ items } = await admin.send("POST", "/v1/tokens/import", { tokens: lines }));
    if (!items.every(({ result }) => result === "imported"))
      throw new Error(`not imported: ${JSON.stringify(items[0])}`);
  }
  const caller = admin.as((await admin.send("POST", "/v1/tokens", { name: "", scopes: ["tokens:verify"] })).token);
  const query = (asked) => caller.question("/v1/lease", { digests: [], ...asked });
  const position = async () => positionOf(await asker.ask(...query({})));

  const before = await position();
  await admin.send("POST", "/v1/tokens/revoke", { ids: items.slice(-100).map(({ id }) => id) });
  const since = await position();
  let seen = 0;
  const last_used_at = new Date().toISOString();
  const uses = digests.slice(0, 1_000).map((digest) => ({ digest, last_used_at, count: 1 }));
  const of = `of ${number(tokens)} tokens`;
  const kinds = [
    [`renewal, nothing changed, ${of}`, () => query({ since })],
    [`renewal with one unseen token, ${of}`, () => query({ since, digests: [digests[seen++ % tokens]] })],
    [`renewal, 100 tokens changed, ${of}`, () => query({ since: before })],
    [`renewal with uses of 1,000 tokens, ${of}`, () => query({ since, uses })],
  ];
  return { admin, caller, kinds };
}

const [app, other] = [await counterfoil({ registry: false }), await minimal()];
const [asker, otherAsker] = [new Asker(app.url), new Asker(other.url)];
const [small, large] = [await workspace(asker, 1_000), await workspace(asker, 100_000)];

const since = { epoch: 1, generation: 1 };
const least = ["a minimal object: reads one row", () => ["/object", { body: JSON.stringify({ since, digests: [] }) }]];
const asked = [[otherAsker, ...least], ...[...small.kinds, ...large.kinds].map((kind) => [asker, ...kind])];

const latencies = asked.map(([, name]) => ({ name, took: { 1: [], [WIDE]: [] } }));
for (const width of [1, WIDE]) {
  await compare({
    title: `POST /v1/lease on workerd, ${width === 1 ? "one" : width} at a time`,
    unit: "queries per second",
    rounds: ROUNDS,
    subjects: asked.map(([who, name, next], at) => ({
      name,
      run: async () => {
        const { perSecond, took } = await who.load(next, { width, milliseconds: MILLISECONDS });
        latencies[at].took[width].push(...took);
        return perSecond;
      },
    })),
  });
}
print(
  "Latency in milliseconds",
  ["", ...["one", WIDE].flatMap((width) => [`${width} at a time: median`, "99th percentile"])],
  latencies.map(({ name, took }) => [
    name,
    ...[1, WIDE].flatMap((width) => [0.5, 0.99].map((part) => number(quantile(took[width], part), 2))),
  ]),
);

// Verifications of cached tokens: counts the waiting checks and all ledger requests.
const queries = [];
const service = {
  fetch: async (url, { headers, body }) => {
    queries.push(new URL(url).pathname);
    return new Response(await asker.ask(new URL(url).pathname, { headers, body }));
  },
};
const hot = [];
for (let issued = 0; issued < 64; issued += 1)
  hot.push((await small.admin.send("POST", "/v1/tokens", { name: "", scopes: ["orders:read"] })).token);
const gate = new Gate({ controlPlane: service, token: small.caller.token });
const demand = gate.compile({ allOf: ["orders:read"] });
await gate.verifyAll(hot, demand);
queries.length = 0;
let [verified, waiting] = [0, 0];
const began = performance.now();
while (performance.now() < began + 10_000) {
  for (let at = 0; at < 1_000; at += 1, verified += 1) if (!gate.check(hot[at % hot.length], demand)) waiting += 1;
  await sleep(1);
}
print(
  "Hot verifications in 10 seconds, bounded, leases of 10 s",
  ["", "how many", "per verification", "budget"],
  [
    ["verifications", number(verified), "1", ""],
    [
      "of these, waiting for a request",
      number(waiting),
      number(waiting / verified, 6),
      verdict(waiting / verified, { most: 0 }),
    ],
    ["leases renewed in the background", number(queries.length), number(queries.length / verified, 6), ""],
  ],
);

for (const one of [asker, otherAsker]) one.close();
for (const one of [app, other]) await one.stop();
