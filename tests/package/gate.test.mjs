// A gate of the npm package in Node, against the deployed worker: what it asks, and what it says where it cannot.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { Gate, InvalidDemandError, codeOf, isPending, isValid, refusal } from "../../build/verify/node.js";
import { withForgedSeal, withTypo, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";

/** A deployment with a workspace, and a gate for it that tells what it asks: `asked` in short, `questions` in full. */
async function gateOf(t, options = {}) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const own = await admin.issue({ scopes: ["tokens:verify"] });
  const [asked, questions] = [[], []];
  const controlPlane = {
    fetch(url, init) {
      const [{ pathname }, question] = [new URL(url), JSON.parse(init.body)];
      asked.push(`${pathname} ${question.digests.length}`);
      questions.push(question);
      return app.fetch(pathname, init);
    },
  };
  const failures = [];
  const onFailure = ({ message }) => failures.push(message);
  const gate = new Gate({ controlPlane, token: own.token, onFailure, ...options });
  return { app, key, admin, own, asked, questions, failures, gate };
}

const demand = { allOf: ["orders:read"] };
const bearer = (token) => ({ headers: new Headers({ authorization: `Bearer ${token}` }) });

test("a decision tells the same as the control plane's own", async (t) => {
  const { app, admin, asked, gate } = await gateOf(t, { freshness: "strong" });
  const client = await admin.expect(201, "POST", "/v1/clients", { id: "c1", name: "one", permissions: [] });
  const full = await admin.issue({
    name: "ci", scopes: ["orders:read"], expires_in: 3600, client_id: client.id, metadata: { team: [1] },
  });
  const bare = await admin.issue({ scopes: ["orders:write"] });
  for (const { token } of [full, bare]) {
    const theirs = await admin.verify(token, { all_of: ["orders:read"], freshness: "strong" });
    const { freshness, asOf, ...ours } = await gate.verify(bearer(token), demand);
    const { expiresAt, clientId = null, metadata = null, ...known } = ours.token;
    assert.deepEqual(
      { ...known, client_id: clientId, metadata, expires_at: expiresAt ? new Date(expiresAt).toISOString() : null },
      { ...theirs.token, expires_at: theirs.token.expires_at && new Date(theirs.token.expires_at).toISOString() },
    );
    assert.deepEqual([ours.valid, ours.code, freshness], [theirs.valid, theirs.code, "strong"]);
    assert.ok(Math.abs(asOf - Date.now()) < 60_000);
  }
  assert.deepEqual(asked, Array(2).fill("/v1/records 1"), "one question each");
  await gate.verify(bare.token, demand);
  assert.equal(asked.length, 3, "a strong answer is never remembered");
  await admin.revoke(full.id);
  assert.equal((await gate.verify(full.token, demand)).code, "REVOKED");
  // Never issued, by its text: no question.
  const other = await workspace(app, "other");
  for (const [text, code] of [
    [withTypo(bare.token), "MALFORMED"],
    [withForgedSeal(bare.token), "UNKNOWN"],
    [other.admin.token, "UNKNOWN"],
    ["", "MALFORMED"],
  ]) assert.equal((await gate.verify(text, demand)).code, code);
  assert.equal(asked.length, 4);
});

test("an eventual demand is answered from memory, and asks nobody", async (t) => {
  const { admin, asked, gate } = await gateOf(t, { freshness: "eventual" });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  assert.equal((await gate.verify(token, demand)).code, "VALID");
  const compiled = gate.compile(demand);
  const into = new Uint32Array(3);
  for (let turn = 0; turn < 1000; turn += 1) {
    assert.ok(isValid(gate.check(token, compiled)));
    assert.ok((await gate.verify(bearer(token), compiled)).valid);
    assert.equal(gate.checkAll([token, withTypo(token), null], compiled, { into }), into);
  }
  assert.deepEqual([...into].map(codeOf), ["VALID", "MALFORMED", "MALFORMED"]);
  assert.deepEqual([...gate.checkAll([token, token], compiled)].map(codeOf), ["VALID", "VALID"]);
  assert.equal(asked.length, 1);
  assert.ok(isPending(gate.check(token, gate.compile({ ...demand, freshness: "strong" }))));
});

test("with the registry at hand an eventual demand needs no control plane at all", async (t) => {
  const read = [];
  let app;
  const registry = { get: (key, type) => (read.push([key, type]), app.stored(key)) };
  const held = await gateOf(t, { registry, freshness: "eventual" });
  ({ app } = held);
  const { key, admin, asked, gate } = held;
  const { token, digest } = await admin.issue({ scopes: ["orders:read"] });
  await eventually(() => app.stored(`r/${key}/${digest}`));
  const { valid, freshness } = await gate.verify(token, demand);
  assert.deepEqual([valid, freshness, asked], [true, "eventual", []]);
  assert.deepEqual(read.map(([name]) => name[0]).sort(), ["o", "r", "w"]);
  assert.ok(read.every(([, type]) => type === "arrayBuffer"));
  // A registry that fails is no yes and no no: the control plane says.
  const broken = new Gate({ controlPlane: app.url, token: held.own.token, freshness: "eventual",
    registry: { get: async () => { throw new Error("on purpose"); } } });
  assert.ok((await broken.verify(token, demand)).valid);
});

test("many tokens are asked about a hundred at a time", async (t) => {
  const { admin, asked, gate } = await gateOf(t, { freshness: "strong" });
  const issued = await Promise.all(Array.from({ length: 3 }, () => admin.issue({ scopes: ["orders:read"] })));
  await admin.revoke(issued[1].id);
  const texts = Array.from({ length: 250 }, (_, at) => (at % 5 === 4 ? "nonsense" : issued[at % 3].token));
  const decisions = await gate.verifyAll(texts, demand);
  const expected = texts.map((text) => ({ nonsense: "MALFORMED", [issued[1].token]: "REVOKED" })[text] ?? "VALID");
  assert.deepEqual(decisions.map(({ code }) => code), expected);
  assert.deepEqual(decisions.map(({ token }) => token?.id),
    texts.map((text) => issued.find(({ token }) => token === text)?.id));
  assert.deepEqual(asked, Array(3).fill("/v1/records 3"), "each digest once");
  const others = Array.from({ length: 100 }, (_, at) => `ghp_another-system's-token-${at}`);
  assert.ok((await gate.verifyAll(others, demand)).every(({ code }) => code === "UNKNOWN"));
  assert.deepEqual(await gate.verifyAll([], demand), []);
});

test("tokens of other systems, of several workspaces, and those bound to addresses", async (t) => {
  const { app, key, admin, own } = await gateOf(t);
  const other = await workspace(app, "other");
  const tokens = { [key]: own.token, [other.key]: (await other.admin.issue({ scopes: ["tokens:verify"] })).token };
  const gate = new Gate({ controlPlane: app.url, tokens });
  const text = "ghp_another-system's-token";
  const digest = createHash("sha256").update(text).digest("hex");
  await other.admin.expect(200, "POST", "/v1/tokens/import", { tokens: [{ digest, name: "old", scopes: ["orders:read"] }] });
  assert.equal((await gate.verify(text, demand)).token.workspace, "other");
  for (const one of [admin, other.admin]) {
    const bound = await one.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.0/24"] });
    assert.equal((await gate.verify(bound.token, demand)).code, "ADDRESS_NOT_ALLOWED");
    assert.equal((await gate.verify(bearer(bound.token), demand, { address: "198.51.100.1" })).code, "ADDRESS_NOT_ALLOWED");
    assert.equal((await gate.verify(bearer(bound.token), demand, { address: "192.0.2.7" })).code, "VALID");
    assert.equal((await gate.verifyAll([bound.token], demand, { address: "192.0.2.7" }))[0].code, "VALID");
    const knowing = new Gate({ controlPlane: app.url, tokens, address: ({ from }) => from });
    assert.equal((await knowing.verify({ ...bearer(bound.token), from: "192.0.2.7" }, demand)).code, "VALID");
    // A header that anybody can send is no address here.
    const headers = { authorization: `Bearer ${bound.token}`, "cf-connecting-ip": "192.0.2.7" };
    assert.equal((await gate.verify({ headers }, demand)).code, "ADDRESS_NOT_ALLOWED");
  }
});

test("a token is read from where the control plane reads it", async (t) => {
  const { app, admin, gate } = await gateOf(t);
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  const another = await admin.issue({ scopes: ["orders:read"] });
  const requests = [
    {},
    { authorization: `Bearer ${token}` },
    { authorization: `bEARER   ${token} ` },
    { authorization: `Basic ${token}` },
    { authorization: "Bearer" },
    { authorization: `Token ${token}` },
    { authorization: `Bearer ${token} ${token}` },
    { "x-api-key": token },
    { "x-api-key": "" },
    { "x-api-key": token, authorization: `Bearer ${token}` },
    { "x-api-key": token, authorization: `Bearer ${another.token}` },
    { "x-lgca-token": token, "x-lgca-domain": "acme" },
    { "x-lgca-token": token, "x-lgca-domain": "other" },
    { "x-lgca-token": token },
    { "x-lgca-token": token, "x-lgca-domain": "acme", "x-api-key": another.token },
    { authorization: `Bearer ${withTypo(token)}` },
    { authorization: `Bearer ${withForgedSeal(token)}` },
  ];
  for (const headers of requests) {
    const response = await app.fetch("/v1/tokens/self", { headers });
    const { code, detail } = await response.json();
    for (const form of [new Headers(headers), headers]) {
      const decision = await gate.verify({ headers: form }, demand);
      assert.equal(decision.code, code ?? "VALID", JSON.stringify(headers));
      if (decision.valid) continue;
      const refused = refusal(decision, demand);
      assert.equal(refused.status, response.status);
      if (response.status === 401) {
        assert.equal(refused.headers["www-authenticate"], response.headers.get("www-authenticate"));
      }
      const problem = JSON.parse(refused.body);
      assert.deepEqual([problem.status, problem.detail], [response.status, detail]);
    }
  }
  assert.deepEqual(await gate.verify(undefined, demand), { valid: false, code: "NO_CREDENTIAL" });
});

test("what was refused is answered by the standards", () => {
  const challenge = (code, demand) => {
    const { status, headers } = refusal({ code }, demand);
    return [status, headers["www-authenticate"]];
  };
  const realm = 'Bearer realm="counterfoil"';
  assert.deepEqual(challenge("NO_CREDENTIAL"), [401, realm]);
  assert.deepEqual(challenge("REVOKED"), [401, `${realm}, error="invalid_token"`]);
  assert.deepEqual(challenge("AMBIGUOUS_CREDENTIAL"), [400, `${realm}, error="invalid_request"`]);
  const insufficient = `${realm}, error="insufficient_scope"`;
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE"), [403, insufficient]);
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE", { allOf: ["a:b", "c"] }), [403, `${insufficient}, scope="a:b c"`]);
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE", { allOf: ["a"], anyOf: ["b"] }), [403, insufficient]);
  for (const [code, status] of [["NO_ROUTE", 403], ["ADDRESS_NOT_ALLOWED", 403], ["RATE_LIMITED", 429], ["UNAVAILABLE", 503]]) {
    assert.deepEqual(challenge(code), [status, undefined]);
  }
  assert.equal(refusal({ code: "UNAVAILABLE" }).headers["retry-after"], "1");
});

// --- leases

/** Of a lease of ten seconds 8.8 are used, and past half of them it is renewed. Both in milliseconds. */
const USED = 8800;
const HALF = 4400;

/** A gate as of `gateOf`, on a clock of its own, and a token that passes there. `at` sets the clock. */
async function leasedGateOf(t, options) {
  const began = Date.now();
  let now = began;
  const parties = await gateOf(t, { now: () => now, ...options });
  const at = (milliseconds) => {
    now = began + milliseconds;
  };
  return { ...parties, at, issued: await parties.admin.issue({ scopes: ["orders:read"] }) };
}

const told = async (decision) => {
  const { code, freshness } = await decision;
  return [code, freshness];
};

test("where nothing is said, memory answers under a lease", async (t) => {
  const { admin, asked, questions, gate, at, issued } = await leasedGateOf(t);
  const { token, digest } = issued;
  const first = await gate.verify(bearer(token), demand);
  assert.deepEqual([first.valid, first.freshness], [true, "strong"], "it was asked about just now");
  assert.deepEqual(questions, [{ digests: [digest], uses: [] }]);
  assert.deepEqual(asked, ["/v1/lease 1"]);
  const compiled = gate.compile(demand);
  at(HALF);
  for (let turn = 0; turn < 1000; turn += 1) {
    const { freshness, ...decision } = await gate.verify(bearer(token), compiled);
    assert.deepEqual({ ...decision, freshness: "strong" }, first);
    assert.equal(freshness, "bounded");
    assert.equal(codeOf(gate.check(token, compiled)), "VALID");
  }
  // Another token of the same owner is one question more, which goes on from where the gate stands.
  const other = await admin.issue({ scopes: ["orders:write"] });
  assert.equal((await gate.verify(other.token, demand)).code, "INSUFFICIENT_SCOPE");
  assert.deepEqual(asked, ["/v1/lease 1", "/v1/lease 1"]);
  const { epoch, generation } = questions[1].since;
  assert.ok(epoch > 0 && generation > 0);
  assert.deepEqual(await told(gate.verify(other.token, demand)), ["INSUFFICIENT_SCOPE", "bounded"]);
  // What was never issued is asked about once, or not at all.
  assert.equal((await gate.verify(withForgedSeal(token), demand)).code, "UNKNOWN");
  assert.equal(asked.length, 2);
});

test("past its half a lease is renewed in the background, and tells what changed", async (t) => {
  const { admin, asked, questions, gate, at, issued } = await leasedGateOf(t);
  const doomed = await admin.issue({ scopes: ["orders:read"] });
  const compiled = gate.compile(demand);
  const tokens = [issued.token, doomed.token];
  const codes = () => [...gate.checkAll(tokens, compiled)].map(codeOf);
  await gate.verifyAll(tokens, compiled);
  assert.deepEqual(asked, ["/v1/lease 2"]);
  await admin.revoke(doomed.id);
  at(HALF);
  assert.deepEqual(codes(), ["VALID", "VALID"], "it has not heard of it");
  assert.equal(asked.length, 1);
  const ways = [
    async () => assert.ok((await gate.verify(tokens[0], compiled)).valid),
    async () => assert.equal(codeOf(gate.check(tokens[0], compiled)), "VALID"),
    async () => assert.equal(codes()[0], "VALID"),
    // More than the verifier holds decisions.
    async () => assert.equal(codeOf(gate.checkAll(Array(300).fill(tokens[0]), compiled)[299]), "VALID"),
  ];
  for (const [turn, renew] of ways.entries()) {
    const begun = turn * (HALF + 1);
    at(begun + HALF + 1);
    await renew();
    assert.equal(asked.length, turn + 2, "at once, and nobody waits for it");
    assert.equal(asked.at(-1), "/v1/lease 0");
    gate.check(tokens[0], compiled);
    assert.equal(asked.length, turn + 2, "one request's turn");
    at(begun + USED);
    await eventually(() => codes()[0] === "VALID");
    assert.deepEqual(codes(), ["VALID", "PENDING"], "what it became is to be asked");
  }
  assert.deepEqual(await told(gate.verify(doomed.token, compiled)), ["REVOKED", "strong"]);
  assert.deepEqual(await told(gate.verify(doomed.token, compiled)), ["REVOKED", "bounded"]);
  const stood = questions.map(({ since }) => since?.generation ?? 0);
  assert.ok(stood[1] > stood[0] && stood[2] > stood[1] && stood[3] === stood[2], `${stood}`);
});

test("without the control plane a lease answers to its end, and nothing after that", async (t) => {
  const { app, asked, failures, gate, at, issued } = await leasedGateOf(t);
  const { token } = issued;
  assert.ok((await gate.verify(token, demand)).valid);
  app.ledger.fail("fetch", "refused");
  at(HALF + 1);
  assert.deepEqual(await told(gate.verify(token, demand)), ["VALID", "bounded"]);
  await eventually(() => failures.length > 0);
  assert.match(failures[0], /^Counterfoil cannot answer: 503/);
  at(USED - 1);
  assert.deepEqual(await told(gate.verify(token, demand)), ["VALID", "bounded"]);
  at(USED);
  assert.deepEqual(await told(gate.verify(token, demand)), ["UNAVAILABLE", "bounded"]);
  assert.ok(isPending(gate.check(token, gate.compile(demand))), "memory alone says nothing");
  assert.equal(failures.length, 1, "the same is told once a minute");
  app.ledger.heal();
  const { length } = asked;
  assert.deepEqual(await told(gate.verify(token, demand)), ["VALID", "strong"]);
  assert.deepEqual(await told(gate.verify(token, demand)), ["VALID", "bounded"]);
  assert.equal(asked.length, length + 1);
});

test("where an eventual answer will do, the registry goes on without the control plane", async (t) => {
  const read = [];
  let app;
  const registry = { get: (key) => (read.push(key), app.stored(key)) };
  const held = await leasedGateOf(t, { registry, orEventual: true });
  ({ app } = held);
  const { key, admin, asked, gate, at, issued } = held;
  const unseen = await admin.issue({ scopes: ["orders:read"] });
  for (const { digest } of [issued, unseen]) await eventually(() => app.stored(`r/${key}/${digest}`));
  assert.deepEqual(await told(gate.verify(issued.token, demand)), ["VALID", "strong"]);
  assert.deepEqual([asked, read], [["/v1/lease 1"], []], "the registry is not asked while the control plane answers");
  app.ledger.fail("fetch", "refused");
  at(USED);
  assert.deepEqual(await told(gate.verify(issued.token, demand)), ["VALID", "eventual"], "from memory, which counts for a minute");
  assert.deepEqual(await told(gate.verify(unseen.token, demand)), ["VALID", "eventual"]);
  assert.ok(read.includes(`r/${key}/${unseen.digest}`));
  const never = { ...demand, orEventual: false };
  assert.deepEqual(await told(gate.verify(issued.token, never)), ["UNAVAILABLE", "bounded"], "a demand may forbid what the gate allows");
  const { length } = asked;
  at(USED + 1);
  for (let turn = 0; turn < 100; turn += 1) assert.ok((await gate.verify(issued.token, demand)).valid);
  assert.equal(asked.length, length, "who just got no answer speaks for the others");
  await admin.expect(503, "DELETE", `/v1/tokens/${issued.id}`);
  app.ledger.heal();
  await admin.revoke(issued.id);
  at(USED + 1001);
  assert.deepEqual(await told(gate.verify(issued.token, demand)), ["REVOKED", "strong"]);
  assert.deepEqual(await told(gate.verify(issued.token, demand)), ["REVOKED", "bounded"]);
});

test("250 tokens that were never seen are three questions, and then none", async (t) => {
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
  assert.deepEqual(digests, issued.map(({ digest }) => digest));
  assert.ok(await all());
  assert.equal(asked.length, 3);
});

test("how often tokens were used goes along with questions for leases", async (t) => {
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
  assert.equal(known.total, 11, "refusals are no uses");
  const [{ digest, last_used_at: last, count }] = questions[1].uses;
  assert.deepEqual([digest, count], [issued.digest, 11]);
  assert.ok(known.last_used_at <= last, "by the ledger's clock, which is behind the gate's here");

  // Not with every renewal: once a minute is enough.
  at(2 * HALF + 2);
  gate.check(issued.token, compiled);
  await eventually(() => questions.length === 3);
  assert.equal(questions[2].uses?.length ?? 0, 0);

  // A question that fails has them told again with the next one.
  app.ledger.fail("fetch", "refused");
  at(60_000);
  assert.equal((await gate.verify(issued.token, compiled)).code, "UNAVAILABLE");
  assert.equal(failures.length, 1);
  app.ledger.heal();
  at(61_500);
  assert.equal((await gate.verify(issued.token, compiled)).freshness, "strong");
  assert.deepEqual(questions.slice(3).map(({ uses }) => uses[0].count), [1, 1]);
  assert.equal((await usage()).total, 12);
  gate.check(issued.token, compiled);
  at(120_000);
  await gate.verify(issued.token, compiled);
  assert.equal(questions.at(-1).uses[0].count, 2);
  assert.equal((await usage()).total, 14);
});

test("each workspace has a lease of its own", async (t) => {
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
  const [mine, theirs] = await Promise.all([admin, other.admin].map((admin) => admin.issue({ scopes: ["orders:read"] })));
  const decisions = await gate.verifyAll([mine.token, theirs.token], demand);
  assert.deepEqual(decisions.map(({ token }) => token.workspace), ["acme", "other"]);
  assert.deepEqual(asked.sort(), [key, other.key].sort(), "each with the gate's token there");
  now = began + HALF + 1;
  const compiled = gate.compile(demand);
  assert.ok(isValid(gate.check(mine.token, compiled)));
  assert.deepEqual(asked.slice(2), [key], "one is renewed");
  now = began + USED;
  await eventually(() => isValid(gate.check(mine.token, compiled)));
  assert.ok(isPending(gate.check(theirs.token, compiled)), "and the other one is over");
});

test("an answer that comes when its lease is over is not used", async (t) => {
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
  assert.deepEqual(await told(gate.verify(token, demand)), ["UNAVAILABLE", "bounded"]);
  assert.equal(asked, 3, "it is asked again, twice");
  assert.ok(isPending(gate.check(token, gate.compile(demand))));
  delay = USED - 1;
  assert.deepEqual(await told(gate.verify(token, demand)), ["VALID", "strong"]);
  assert.equal(asked, 4);
  assert.ok(isValid(gate.check(token, gate.compile(demand))));
  now += 1;
  assert.ok(isPending(gate.check(token, gate.compile(demand))), "it was counted from before the question");
});

test("a renewal goes on whatever its failure's listener does", async (t) => {
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
  assert.ok(isValid(gate.check(token, compiled)));
  await eventually(() => failures === 1);
  app.ledger.heal();
  now = began + HALF + 1001;
  assert.ok(isValid(gate.check(token, compiled)));
  assert.equal(questions[2].uses[0].count, 3, "nothing is lost of what the one before told");
});

// --- what goes wrong

/** A server that answers so, until the test `t` ends: its address. */
async function answering(t, handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

test("a control plane that cannot be asked is no yes, and says so once a minute", { timeout: 60_000 }, async (t) => {
  const { app, admin, own, failures } = await gateOf(t);
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  let now = Date.now();
  const gateAt = (controlPlane, others) => {
    failures.length = 0;
    return new Gate({ controlPlane, token: own.token, onFailure: ({ message }) => failures.push(message), now: () => now, ...others });
  };
  const nowhere = await answering(t, () => {});
  const strangers = {
    "404": (_, response) => response.writeHead(404).end("<html>"),
    "500": (_, response) => response.writeHead(500, { "content-type": "application/json" }).end('{"code":"INTERNAL"}'),
    "302": (_, response) => response.writeHead(302, { location: app.url }).end(),
  };
  for (const [status, handler] of Object.entries(strangers)) {
    const gate = gateAt(await answering(t, handler));
    assert.equal((await gate.verify(token, demand)).code, "UNAVAILABLE");
    assert.equal(failures.length, 1);
    assert.ok(failures[0].startsWith(`Counterfoil cannot answer: ${status}`), failures[0]);
  }
  const echo = gateAt(await answering(t, (request, response) =>
    response.writeHead(500).end(JSON.stringify({ code: request.headers.authorization }))));
  assert.equal((await echo.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(failures, ["Counterfoil cannot answer: 500"], "nothing of the gate's own token");
  const nonsense = gateAt(await answering(t, (_, response) => response.end("nonsense")));
  assert.equal((await nonsense.verify(token, demand)).code, "UNAVAILABLE");

  const gate = gateAt(nowhere, { timeout: 20 });
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await gate.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(failures, ["Counterfoil cannot be reached, or gave no answer in 20 ms."]);
  now += 60_000;
  await gate.verify(token, demand);
  assert.equal(failures.length, 2);

  const refused = gateAt(app.url);
  await admin.revoke(own.id);
  assert.equal((await refused.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(failures, ["Counterfoil refuses the gate's own token, which must be live and hold tokens:verify: 401 REVOKED"]);
  const weak = await admin.issue({ scopes: ["orders:read"] });
  const mistaken = gateAt(app.url, { token: weak.token });
  assert.equal((await mistaken.verify(token, demand)).code, "UNAVAILABLE");
  assert.match(failures[0], /403 INSUFFICIENT_SCOPE$/);
});

test("mistakes of whoever sets a gate up are told at once", async (t) => {
  const { app, own, gate } = await gateOf(t);
  const controlPlane = app.url;
  const wrong = [
    {}, { token: own.token }, { controlPlane }, { controlPlane, token: "" }, { controlPlane, token: withTypo(own.token) },
    { controlPlane, token: "ghp_another-system's-token" }, { controlPlane, tokens: {} }, { controlPlane, tokens: { short: "x" } },
    { controlPlane: "http://counterfoil.example", token: own.token }, { controlPlane: "counterfoil.example", token: own.token },
    { controlPlane: {}, token: own.token }, { controlPlane, token: own.token, freshness: "fresh" },
  ];
  for (const options of wrong) {
    assert.throws(() => new Gate(options), (error) => error instanceof TypeError && !error.message.includes(own.token));
  }
  for (const [given, code] of [
    [{ all_of: ["orders:read"] }, "UNKNOWN_FIELD"], [{ workspaces: ["0Ab3dE"] }, "UNKNOWN_FIELD"],
    [{ allOf: ["orders:*"] }, "INVALID_SCOPE"], [{ freshness: "fresh" }, "INVALID_FRESHNESS"],
  ]) {
    assert.throws(() => gate.compile(given), (error) => error instanceof InvalidDemandError && error.code === code);
    await assert.rejects(gate.verify(own.token, given), InvalidDemandError);
  }
  assert.equal((await gate.verify(own.token, 7)).code, "UNAVAILABLE", "a number that no demand has");
  for (const local of ["http://localhost:1", "http://[::1]:1", "https://counterfoil.example"]) {
    new Gate({ controlPlane: local, token: own.token });
  }
});
