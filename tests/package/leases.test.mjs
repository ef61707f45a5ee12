// A gate's leases: decisions from the cache, queries meanwhile, and failures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "../../build/verify/node.js";
import { bearer, demand, gateOf } from "./harness.mjs";
import { withForgedSeal, workspace } from "../worker/client.mjs";
import { eventually } from "../worker/harness.mjs";

/** A lease of ten seconds is used for 8.8 s, and renewed in its second half. Both in milliseconds. */
const USED = 8800;
const HALF = 4400;
/** The longest back-off after the first failure. */
const BACKOFF = 250;

/** A gate as of `gateOf` with its own clock, and a valid token. `at` sets the clock. */
async function leasedGateOf(t, options) {
  const began = Date.now();
  let now = began;
  const parties = await gateOf(t, { now: () => now, ...options });
  const at = (milliseconds) => {
    now = began + milliseconds;
  };
  return { ...parties, at, issued: await parties.admin.issue({ scopes: ["orders:read"] }) };
}

const outcome = async (decision) => {
  const { code, freshness } = await decision;
  return [code, freshness];
};

test("by default the cache decides under a lease", async (t) => {
  const { admin, asked, questions, gate, at, issued } = await leasedGateOf(t);
  const { token, digest } = issued;
  const first = await gate.verify(bearer(token), demand);
  assert.deepEqual([first.valid, first.freshness], [true, "strong"], "the ledger was just queried");
  assert.deepEqual(questions, [{ digests: [digest], uses: [] }]);
  assert.deepEqual(asked, ["/v1/lease 1"]);
  const compiled = gate.compile(demand);
  at(HALF);
  for (let turn = 0; turn < 1000; turn += 1) {
    const { freshness, ...decision } = await gate.verify(bearer(token), compiled);
    assert.deepEqual({ ...decision, freshness: "strong" }, first);
    assert.equal(freshness, "bounded");
    assert.equal(gate.code(token, compiled), "VALID");
  }
  // Another token of the same owner takes one more query, from the gate's position.
  const other = await admin.issue({ scopes: ["orders:write"] });
  assert.equal((await gate.verify(other.token, demand)).code, "INSUFFICIENT_SCOPE");
  assert.deepEqual(asked, ["/v1/lease 1", "/v1/lease 1"]);
  const { epoch, generation } = questions[1].since;
  assert.ok(epoch > 0 && generation > 0);
  assert.deepEqual(await outcome(gate.verify(other.token, demand)), ["INSUFFICIENT_SCOPE", "bounded"]);
  // A token that was never issued is queried once, or not at all.
  assert.equal((await gate.verify(withForgedSeal(token), demand)).code, "UNKNOWN");
  assert.equal(asked.length, 2);
});

test("a lease is renewed in the background in its second half and brings changes", async (t) => {
  const { admin, asked, questions, gate, at, issued } = await leasedGateOf(t);
  const doomed = await admin.issue({ scopes: ["orders:read"] });
  const compiled = gate.compile(demand);
  const tokens = [issued.token, doomed.token];
  const codes = () => tokens.map((token) => gate.code(token, compiled));
  await gate.verifyAll(tokens, compiled);
  assert.deepEqual(asked, ["/v1/lease 2"]);
  await admin.revoke(doomed.id);
  at(HALF);
  assert.deepEqual(codes(), ["VALID", "VALID"], "the gate does not know of the revocation yet");
  assert.equal(asked.length, 1);
  const ways = [
    async () => assert.ok((await gate.verify(tokens[0], compiled)).valid),
    async () => assert.equal(gate.code(tokens[0], compiled), "VALID"),
    async () => assert.equal(codes()[0], "VALID"),
    // More than the verifier holds decisions.
    async () => assert.equal(gate.checkAll(Array(300).fill(tokens[0]), compiled)[299], true),
  ];
  for (const [turn, renew] of ways.entries()) {
    const begun = turn * (HALF + 1);
    at(begun + HALF + 1);
    await renew();
    assert.equal(asked.length, turn + 2, "a renewal starts immediately, and no check waits for it");
    assert.equal(asked.at(-1), "/v1/lease 0");
    gate.check(tokens[0], compiled);
    assert.equal(asked.length, turn + 2, "only one request renews");
    at(begun + USED);
    await eventually(() => codes()[0] === "VALID");
    assert.deepEqual(codes(), ["VALID", "PENDING"], "the changed token has to be queried");
  }
  assert.deepEqual(await outcome(gate.verify(doomed.token, compiled)), ["REVOKED", "strong"]);
  assert.deepEqual(await outcome(gate.verify(doomed.token, compiled)), ["REVOKED", "bounded"]);
  const generations = questions.map(({ since }) => since?.generation ?? 0);
  const [first, second, third, fourth] = generations;
  assert.ok(second > first && third > second && fourth === third, `${generations}`);
});

test("without the control plane the cache decides until the lease expires", async (t) => {
  const { app, asked, failures, gate, at, issued } = await leasedGateOf(t);
  const { token } = issued;
  assert.ok((await gate.verify(token, demand)).valid);
  app.ledger.fail("fetch", "refused");
  at(HALF + 1);
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["VALID", "bounded"]);
  await eventually(() => failures.length > 0);
  assert.match(failures[0], /^Counterfoil could not answer: 503/);
  at(USED - 1);
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["VALID", "bounded"]);
  at(USED);
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["UNAVAILABLE", "bounded"]);
  assert.equal(failures.length, 1, "the same failure is reported once a minute");
  app.ledger.heal();
  const { length } = asked;
  at(USED + 99);
  assert.deepEqual(
    await outcome(gate.verify(token, demand)),
    ["UNAVAILABLE", "bounded"],
    "no query is sent before the back-off ends",
  );
  assert.equal(gate.code(token, gate.compile(demand)), "UNAVAILABLE");
  assert.equal(asked.length, length);
  at(USED + 2 * BACKOFF);
  assert.equal(gate.check(token, gate.compile(demand)), undefined, "the cache alone cannot decide");
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["VALID", "strong"]);
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["VALID", "bounded"]);
  assert.equal(asked.length, length + 1);
});

test("with orEventual the registry decides without the control plane", async (t) => {
  const read = [];
  let app;
  const registry = { get: (key) => (read.push(key), app.stored(key)) };
  const held = await leasedGateOf(t, { registry, orEventual: true });
  ({ app } = held);
  const { key, admin, asked, gate, at, issued } = held;
  const unseen = await admin.issue({ scopes: ["orders:read"] });
  for (const { digest } of [issued, unseen]) await eventually(() => app.stored(`r/${key}/${digest}`));
  assert.deepEqual(await outcome(gate.verify(issued.token, demand)), ["VALID", "strong"]);
  assert.deepEqual([asked, read], [["/v1/lease 1"], []], "the registry is not read while the control plane responds");
  app.ledger.fail("fetch", "refused");
  at(USED);
  assert.deepEqual(
    await outcome(gate.verify(issued.token, demand)),
    ["VALID", "eventual"],
    "from the cache, for up to a minute",
  );
  assert.deepEqual(await outcome(gate.verify(unseen.token, demand)), ["VALID", "eventual"]);
  assert.ok(read.includes(`r/${key}/${unseen.digest}`));
  const never = { ...demand, orEventual: false };
  assert.deepEqual(
    await outcome(gate.verify(issued.token, never)),
    ["UNAVAILABLE", "bounded"],
    "a requirement overrides the gate's option",
  );
  const { length } = asked;
  at(USED + 1);
  for (let turn = 0; turn < 100; turn += 1) assert.ok((await gate.verify(issued.token, demand)).valid);
  assert.equal(asked.length, length, "no query is sent during the back-off");
  await admin.expect(503, "DELETE", `/v1/tokens/${issued.id}`);
  app.ledger.heal();
  await admin.revoke(issued.id);
  at(USED + 1001);
  assert.deepEqual(await outcome(gate.verify(issued.token, demand)), ["REVOKED", "strong"]);
  assert.deepEqual(await outcome(gate.verify(issued.token, demand)), ["REVOKED", "bounded"]);
});

test("250 unseen tokens take three queries, then none", async (t) => {
  const { admin, asked, questions, gate } = await leasedGateOf(t);
  const issued = [];
  while (issued.length < 250) {
    const some = Array.from({ length: 25 }, () => admin.issue({ scopes: ["orders:read"] }));
    issued.push(...(await Promise.all(some)));
  }
  const texts = issued.map(({ token }) => token);
  const all = async () => (await gate.verifyAll(texts, demand)).every(({ valid }) => valid);
  assert.ok(await all());
  assert.deepEqual(asked, ["/v1/lease 100", "/v1/lease 100", "/v1/lease 50"]);
  const digests = questions.flatMap((question) => question.digests);
  assert.deepEqual(
    digests,
    issued.map(({ digest }) => digest),
  );
  assert.ok(await all());
  assert.equal(asked.length, 3);
});

test("uses of tokens are reported with lease requests", async (t) => {
  const { app, admin, questions, failures, gate, at, issued } = await leasedGateOf(t);
  const usage = () => admin.expect(200, "GET", `/v1/tokens/${issued.id}/usage`);
  const compiled = gate.compile(demand);
  await gate.verify(issued.token, compiled);
  for (let turn = 0; turn < 9; turn += 1) gate.check(issued.token, compiled);
  gate.check(issued.token, gate.compile({ allOf: ["orders:write"] }));
  assert.equal((await usage()).total, 0);
  at(HALF + 1);
  gate.check(issued.token, compiled);
  const known = await eventually(async () => {
    const found = await usage();
    return found.total > 0 && found;
  });
  assert.equal(known.total, 11, "rejected checks are not counted");
  const [{ digest, last_used_at: last, count }] = questions[1].uses;
  assert.deepEqual([digest, count], [issued.digest, 11]);
  assert.ok(known.last_used_at <= last, "limited by the ledger's clock, which is behind the gate's here");

  // Not with every renewal, but once a minute.
  at(2 * HALF + 2);
  gate.check(issued.token, compiled);
  await eventually(() => questions.length === 3);
  assert.equal(questions[2].uses?.length ?? 0, 0);

  // After a failed query they are reported with the next one.
  app.ledger.fail("fetch", "refused");
  at(60_000);
  assert.equal((await gate.verify(issued.token, compiled)).code, "UNAVAILABLE");
  assert.equal(failures.length, 1);
  app.ledger.heal();
  at(61_500);
  assert.equal((await gate.verify(issued.token, compiled)).freshness, "strong");
  assert.deepEqual(
    questions.slice(3).map(({ uses }) => uses[0].count),
    [1, 1],
  );
  assert.equal((await usage()).total, 12);
  gate.check(issued.token, compiled);
  at(120_000);
  await gate.verify(issued.token, compiled);
  assert.equal(questions.at(-1).uses[0].count, 2);
  assert.equal((await usage()).total, 14);
});

test("each workspace has its own lease", async (t) => {
  const { app, key, admin, own } = await gateOf(t);
  const other = await workspace(app, "other");
  const otherOwn = await other.admin.issue({ scopes: ["tokens:verify"] });
  const tokens = { [key]: own.token, [other.key]: otherOwn.token };
  const asked = [];
  const controlPlane = {
    fetch(url, init) {
      asked.push(Object.keys(tokens).find((key) => init.headers.authorization === `Bearer ${tokens[key]}`));
      return app.fetch(new URL(url).pathname, init);
    },
  };
  const began = Date.now();
  let now = began;
  const gate = new Gate({ controlPlane, tokens, now: () => now });
  const [mine, theirs] = await Promise.all(
    [admin, other.admin].map((admin) => admin.issue({ scopes: ["orders:read"] })),
  );
  const decisions = await gate.verifyAll([mine.token, theirs.token], demand);
  assert.deepEqual(
    decisions.map(({ token }) => token.workspace),
    ["acme", "other"],
  );
  assert.deepEqual(asked.sort(), [key, other.key].sort(), "each with the gate's token for that workspace");
  now = began + HALF + 1;
  const compiled = gate.compile(demand);
  assert.ok(gate.check(mine.token, compiled));
  assert.deepEqual(asked.slice(2), [key], "only the first lease is renewed");
  now = began + USED;
  await eventually(() => gate.check(mine.token, compiled));
  assert.equal(gate.check(theirs.token, compiled), undefined, "the other lease has expired");
});

test("a response that arrives after its lease expired is not used", async (t) => {
  const began = Date.now();
  let [now, delay, asked] = [began, USED, 0];
  let app;
  const controlPlane = {
    async fetch(url, init) {
      asked += 1;
      const response = await app.fetch(new URL(url).pathname, init);
      now += delay;
      return response;
    },
  };
  const held = await gateOf(t, { controlPlane, now: () => now });
  ({ app } = held);
  const { admin, gate } = held;
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["UNAVAILABLE", "bounded"]);
  assert.equal(asked, 3, "two more queries are sent");
  now += BACKOFF;
  assert.equal(gate.check(token, gate.compile(demand)), undefined);
  delay = USED - 1;
  assert.deepEqual(await outcome(gate.verify(token, demand)), ["VALID", "strong"]);
  assert.equal(asked, 4);
  assert.ok(gate.check(token, gate.compile(demand)));
  now += 1;
  assert.equal(gate.check(token, gate.compile(demand)), undefined, "the lease is counted from before the query");
});

test("a throwing onFailure does not affect a renewal", async (t) => {
  const began = Date.now();
  let now = began;
  let failures = 0;
  const listener = () => {
    failures += 1;
    throw new Error("on purpose");
  };
  const { app, admin, questions, gate } = await gateOf(t, { now: () => now, onFailure: listener });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  await gate.verify(token, demand);
  app.ledger.fail("fetch", "refused");
  now = began + HALF + 1;
  const compiled = gate.compile(demand);
  assert.ok(gate.check(token, compiled));
  await eventually(() => failures === 1);
  app.ledger.heal();
  now = began + HALF + 1001;
  assert.ok(gate.check(token, compiled));
  assert.equal(questions[2].uses[0].count, 3, "the uses of the failed renewal are reported again");
});
