// The queries of a gate to a control plane that fails or is slow: failures do not cause more queries, and a query in flight
// makes no check UNAVAILABLE. In Node, where requests can wait for one another, and in a Worker, where they cannot.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Response } from "miniflare";
import { Gate, digest } from "../../build/verify/node.js";
import { encode, grantRecord } from "../vectors/layout.mjs";
import { install } from "./installed.mjs";
import { worker } from "./worker.mjs";

const vectors = async (name) => JSON.parse(await readFile(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
const { valid: texts } = await vectors("token.json");
const { cases } = await vectors("decisions.json");

/** The gates' own token, its workspace, and a valid token of it. */
const [{ text: OWN, workspace: KEY }] = texts;
const TOKEN = "ghp_another-systems-token";
const LEASE = 10_000;
/** A lease of ten seconds is used for 8.8 s; in milliseconds. */
const USED = 8800;

/** A control plane that knows every token; `asked` records the queries. */
function controlPlane() {
  const [{ token, owner, workspace }] = cases;
  const at = { asked: [], status: 200, delay: 0 };
  at.answer = async (path, { digests, since }) => {
    at.asked.push({ path, digests });
    // As of the query: the response takes time.
    const { status, delay } = at;
    const header = {
      key: KEY,
      as_of: Date.now(),
      generation: 1,
      workspace: { ...workspace, key: KEY, has_imports: true },
      seal_keys: [],
    };
    const answer = { ...header, tokens: digests.map((hex, number) => [hex, { ...token, number }]), owners: [owner] };
    const grant = grantRecord({ epoch: 7, since: since?.generation ?? null, term: LEASE, answer });
    await sleep(delay);
    return { status, body: status === 200 ? encode("l", grant) : '{"code":"LEDGER_UNAVAILABLE"}' };
  };
  return at;
}

/** A gate in Node with an adjustable clock. */
async function inNode(t, timeout) {
  const plane = controlPlane();
  let ahead = 0;
  const fetch = async (url, { body }) => {
    const answer = await plane.answer(url.pathname, JSON.parse(body));
    return new globalThis.Response(answer.body, { status: answer.status });
  };
  const gate = new Gate({
    controlPlane: { fetch },
    token: OWN,
    timeout,
    now: () => Date.now() + ahead,
    onFailure() {},
  });
  return {
    plane,
    verify: (token) => gate.verify(token, {}),
    skip: (milliseconds) => {
      ahead += milliseconds;
    },
  };
}

/** The same in a Worker, where every check is a separate request. */
async function inWorker(t, timeout) {
  const plane = controlPlane();
  const { folder } = await install(t);
  const code = `
    import { Gate } from "@counterfoil/verify";
    let gate;
    let ahead = 0;
    export default {
      async fetch(request, env) {
        const { PLANE: controlPlane, OWN: token, TIMEOUT: timeout } = env;
        gate ??= new Gate({ controlPlane, token, timeout, now: () => Date.now() + ahead, onFailure() {} });
        const { checked, skip = 0 } = await request.json();
        ahead += skip;
        return Response.json(checked === undefined ? {} : await gate.verify(checked, {}));
      },
    };`;
  const answer = async (request) => {
    const { status, body } = await plane.answer(new URL(request.url).pathname, await request.json());
    return new Response(body, { status });
  };
  const bindings = { OWN, TIMEOUT: timeout };
  const miniflare = await worker(t, folder, code, { bindings, serviceBindings: { PLANE: answer } });
  const post = async (body) =>
    (await miniflare.dispatchFetch("http://localhost/", { method: "POST", body: JSON.stringify(body) })).json();
  await post({});
  return { plane, verify: (checked) => post({ checked }), skip: (milliseconds) => post({ skip: milliseconds }) };
}

/** So many checks of one token, spread over some seconds; returns the number of decisions by code. */
async function herd(verify, count, during) {
  const codes = {};
  const began = performance.now();
  const checks = [];
  for (let at = 0; at < count; at += 1) {
    const wait = began + (at * during) / count - performance.now();
    if (wait > 1) await sleep(wait);
    checks.push(
      verify(TOKEN).then(({ code }) => {
        codes[code] = (codes[code] ?? 0) + 1;
      }),
    );
  }
  await Promise.all(checks);
  return codes;
}

/** Each with the number of concurrent checks that this machine can run. */
for (const [name, host, many] of [
  ["in Node", inNode, 400],
  ["in a Worker", inWorker, 100],
]) {
  test(`${name}, 400 checks in a 3 s outage send few queries and recover within one back-off`, async (t) => {
    const { plane, verify, skip } = await host(t, 2000);
    assert.ok((await verify(TOKEN)).valid);
    await skip(USED);
    plane.status = 503;
    plane.asked.length = 0;
    const codes = await herd(verify, 400, 3000);
    const queries = plane.asked.length;
    t.diagnostic(`${queries} queries for 400 checks in an outage`);
    assert.deepEqual(codes, { UNAVAILABLE: 400 });
    assert.ok(queries >= 3 && queries <= 20, `${queries} queries`);
    plane.status = 200;
    const healed = performance.now();
    while (!(await verify(TOKEN)).valid) await sleep(10);
    const took = performance.now() - healed;
    assert.ok(took < 2500, `recovery took ${took} ms`);
    assert.equal(plane.asked.length, queries + 1);
    assert.deepEqual(await herd(verify, 100, 0), { VALID: 100 });
    assert.equal(plane.asked.length, queries + 1);
  });

  test(`${name}, a slow control plane makes no check UNAVAILABLE and receives few queries`, async (t) => {
    // This machine may be too slow for this test.
    const { plane, verify, skip } = await host(t, 20_000);
    assert.ok((await verify(TOKEN)).valid);
    await skip(USED);
    plane.delay = 300;
    plane.asked.length = 0;
    const codes = await herd(verify, many, 0);
    t.diagnostic(`${plane.asked.length} queries for ${many} checks at once after the lease`);
    assert.deepEqual(codes, { VALID: many });
    // A query counts as in flight for a second: one more is allowed for each second that this machine is late.
    assert.ok(plane.asked.length <= 10, `${plane.asked.length} queries`);

    // Unseen tokens: those that wait are sent in one query.
    plane.asked.length = 0;
    const first = Array.from({ length: 90 }, (_, at) => `ghp_the-token-of-number-${at}`);
    const decisions = await Promise.all(first.map(verify));
    t.diagnostic(
      `${plane.asked.length} queries for 90 unseen tokens, with these numbers of digests: ${plane.asked.map(({ digests }) => digests.length)}`,
    );
    assert.ok(
      decisions.every(({ valid }) => valid),
      JSON.stringify(decisions.find(({ valid }) => !valid)),
    );
    assert.ok(plane.asked.length < 60, `${plane.asked.length} queries`);
    assert.ok(plane.asked.every(({ digests }) => digests.length <= 100));
    assert.deepEqual(new Set(plane.asked.flatMap(({ digests }) => digests)), new Set(first.map(digest)));
  });
}

test("in a Worker, a request cancelled during its query does not block others", async (t) => {
  const { plane, verify, skip } = await inWorker(t, 2000);
  assert.ok((await verify(TOKEN)).valid);
  await skip(USED);
  plane.delay = 60_000;
  plane.asked.length = 0;
  // It never completes, which is the same for waiting requests.
  const stuck = verify(TOKEN);
  while (plane.asked.length === 0) await sleep(5);
  plane.delay = 0;
  assert.deepEqual(await herd(verify, 50, 0), { VALID: 50 });
  assert.ok(plane.asked.length <= 3, `${plane.asked.length} queries`);
  assert.equal((await stuck).code, "UNAVAILABLE", "its own query times out");
});
