// The guarantees of leases, with two gateways and a control plane on workerd: how long a revoked token is accepted at most,
// that no requests are sent while they last, and what happens without the control plane.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { bundled, project, running } from "./installed.mjs";

const { Response, fetch } = await import("miniflare");

const WORKER = await bundled(
  await project({
    "wrangler.toml": 'name = "example"\nmain = "index.js"\ncompatibility_date = "2026-04-26"\n',
    "index.js": `
import { env } from "cloudflare:workers";
import { Gate } from "@counterfoil/verify";

const gate = new Gate({ controlPlane: env.COUNTERFOIL, token: env.COUNTERFOIL_TOKEN, registry: env.REGISTRY, onFailure() {} });
const demands = Object.fromEntries(["strong", "bounded", "eventual"].map((freshness) => [freshness, gate.compile({ freshness })]));
demands.orEventual = gate.compile({ orEventual: true });

export default {
  async fetch(request) {
    const { demand, tokens } = await request.json();
    const decisions = [];
    for (const token of tokens) {
      const { code, freshness } = await gate.verify(token, demands[demand]);
      decisions.push({ code, freshness, at: Date.now() });
    }
    return Response.json(decisions);
  },
};
`,
  }),
);

/** The shortest lease that a workspace can set, in seconds. */
const LEASE = 2;

/** A gateway in its own Worker, and its requests to the control plane. */
class Gateway {
  /** Paths, in order. */
  asked = [];
  /** Whether its requests never arrive. */
  #held;

  static async start(t, app, token) {
    const gateway = new Gateway();
    gateway.app = app;
    const services = { COUNTERFOIL: (request) => gateway.#pass(request) };
    gateway.worker = await running(
      t,
      WORKER,
      { variables: { COUNTERFOIL_TOKEN: token }, services },
      { registry: true },
    );
    return gateway;
  }

  /** Verifies these tokens in one request: `{ code, freshness, at }`, the last by the gateway's clock. */
  async verify(tokens, demand = "bounded") {
    const response = await fetch(this.worker.url, { method: "POST", body: JSON.stringify({ demand, tokens }) });
    assert.equal(response.status, 200);
    return response.json();
  }

  async codes(tokens, demand) {
    return (await this.verify(tokens, demand)).map(({ code }) => code);
  }

  /** Stops forwarding its requests. */
  hold() {
    this.#held = true;
  }

  async #pass(request) {
    const { pathname } = new URL(request.url);
    this.asked.push(pathname);
    if (this.#held) return new Promise(() => {});
    const [authorization, type] = ["authorization", "content-type"].map((name) => request.headers.get(name));
    const headers = { authorization, "content-type": type };
    try {
      const {
        status,
        body,
        headers: answered,
      } = await fetch(new URL(pathname, this.app.url), { method: "POST", headers, body: await request.text() });
      return new Response(body, { status, headers: { "content-type": answered.get("content-type") } });
    } catch {
      return new Response(null, { status: 502 });
    }
  }
}

/** A control plane, a workspace with such leases, and gateways. */
async function setUp(t, gateways, { lease = LEASE, ...options } = {}) {
  const app = await start(t, { limited: false, ...options });
  const { key, admin } = await workspace(app, "acme");
  await admin.expect(200, "PATCH", "/v1/workspace", { lease_max: lease });
  const { token } = await admin.issue({ scopes: ["tokens:verify"] });
  return {
    app,
    key,
    admin,
    gateways: await Promise.all(Array.from({ length: gateways }, () => Gateway.start(t, app, token))),
  };
}

/** Creates so many tokens without scopes, a few at a time. */
async function issue(admin, count) {
  await admin.expect(200, "PATCH", "/v1/workspace", { default_quota: count + 30 });
  const issued = [];
  while (issued.length < count) {
    issued.push(...(await Promise.all(Array.from({ length: 20 }, () => admin.issue({ scopes: [] })))));
  }
  return issued;
}

/** A summary of the numbers' distribution. */
function distribution(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return `${sorted.length}: minimum ${at(0)}, median ${at(0.5)}, 90th percentile ${at(0.9)}, maximum ${at(1)} ms`;
}

test("a revoked token is accepted for at most one lease, and not after wait", async (t) => {
  const { admin, gateways } = await setUp(t, 2);
  const tokens = await issue(admin, 1_300);
  const [hot, doomed, awaited] = [tokens.slice(0, 1_000), tokens.slice(1_000, 1_220), tokens.slice(1_220, 1_300)];
  const passedAt = new Map();
  let verified = 0;
  const watched = new Set();

  const send = async (gateway, some) => {
    const decisions = await gateway.verify(some.map(({ token }) => token));
    verified += some.length;
    some.forEach(({ id }, place) => {
      const { code, at } = decisions[place];
      if (code === "VALID") passedAt.set(id, Math.max(at, passedAt.get(id) ?? 0));
      else assert.equal(code, "REVOKED");
    });
    return decisions;
  };

  // Both gateways cache all tokens.
  for (const gateway of gateways) {
    for (let at = 0; at < tokens.length; at += 100) await send(gateway, tokens.slice(at, at + 100));
  }

  // Cached checks, for longer than a lease lasts: the only requests are a few renewals.
  const before = gateways.map(({ asked }) => asked.length);
  const began = Date.now();
  verified = 0;
  while (verified < 100_000 || Date.now() < began + 3_000)
    await Promise.all(gateways.map((gateway) => send(gateway, hot)));
  const took = Date.now() - began;
  gateways.forEach(({ asked }, at) => {
    const during = asked.slice(before[at]);
    assert.deepEqual([...new Set(during)], ["/v1/lease"]);
    // A lease of two seconds is past its half after 480 ms.
    assert.ok(during.length <= took / 480 + 2, `${during.length} queries in ${took} ms`);
    console.log(
      `gateway ${at}: ${verified / 2} checks of 1,000 cached tokens in ${took} ms, ${during.length} lease queries`,
    );
  });

  // Load: the tokens being revoked, among the others.
  let goesOn = true;
  const load = gateways.flatMap((gateway) =>
    [0, 1].map(async () => {
      while (goesOn) {
        const from = Math.floor(Math.random() * (hot.length - 20));
        await send(gateway, [...watched, ...hot.slice(from, from + 20)]);
      }
    }),
  );
  const revoke = async (token, query) => {
    watched.add(token);
    await sleep(Math.random() * 1_500);
    const asked = Date.now();
    const { waited } = await admin.expect(200, "DELETE", `/v1/tokens/${token.id}${query}`);
    const returned = Date.now();
    // Longer than it may still be accepted.
    await sleep(LEASE * 1_000 + 500);
    watched.delete(token);
    return { passedFor: passedAt.get(token.id) - returned, waited, answeredIn: returned - asked };
  };
  const inTurns = async (some, width, run) => {
    const results = [];
    const rest = [...some];
    await Promise.all(
      Array.from({ length: width }, async () => {
        for (let next = rest.pop(); next; next = rest.pop()) results.push(await run(next));
      }),
    );
    return results;
  };
  const revoked = await inTurns(doomed, 40, (token) => revoke(token, ""));
  const waited = await inTurns(awaited, 40, (token) => revoke(token, "?wait=true"));
  goesOn = false;
  await Promise.all(load);

  console.log(`accepted after the revocation returned, of ${distribution(revoked.map(({ passedFor }) => passedFor))}`);
  console.log(
    `accepted after a waiting revocation returned, of ${distribution(waited.map(({ passedFor }) => passedFor))}`,
  );
  console.log(`duration of waiting revocations, of ${distribution(waited.map(({ answeredIn }) => answeredIn))}`);
  assert.ok(revoked.length >= 200 && revoked.every(({ passedFor }) => passedFor < LEASE * 1_000));
  assert.ok(
    revoked.some(({ passedFor }) => passedFor > 100),
    "some revoked tokens are accepted for a while, which the test requires",
  );
  for (const { passedFor, waited: details } of waited) {
    assert.ok(passedFor < 0, `accepted ${passedFor} ms after its waiting revocation returned`);
    assert.deepEqual(details.counts_for, ["strong", "bounded"]);
    assert.equal(details.may_still_pass[0].freshness, "eventual");
  }
});

test("without the control plane only eventual checks outlast the lease", async (t) => {
  const {
    app,
    admin,
    gateways: [gateway],
  } = await setUp(t, 1);
  const [{ token, digest }] = await issue(admin, 1);
  await eventually(async () => (await app.keys("r/")).some((key) => key.endsWith(digest)));
  const registry = await gateway.worker.registry();
  for (const key of await app.keys()) await registry.put(key, await app.stored(key));
  const one = async (demand) => (await gateway.verify([token], demand))[0];
  assert.equal((await one("eventual")).code, "VALID");
  assert.equal((await one("bounded")).code, "VALID");

  await app.halt();
  const down = Date.now();
  let [last, seen] = [0, 0];
  const freshnesses = new Set();
  while (Date.now() < down + 62_000) {
    const bounded = await one("bounded");
    if (bounded.code === "VALID") last = Math.max(last, bounded.at - down);
    else assert.equal(bounded.code, "UNAVAILABLE");
    seen += bounded.code === "UNAVAILABLE";
    const other = await one("orEventual");
    freshnesses.add(other.freshness);
    assert.deepEqual(
      [other.code, (await one("eventual")).code, (await one("strong")).code],
      ["VALID", "VALID", "UNAVAILABLE"],
    );
    await sleep(100);
  }
  console.log(
    `bounded checks were valid for ${last} ms, then ${seen} were UNAVAILABLE; eventual ones were valid for the whole minute`,
  );
  assert.ok(last < LEASE * 1_000 && seen > 100);
  assert.ok(freshnesses.has("eventual"));

  await app.boot();
  const up = Date.now();
  await eventually(async () => (await one("bounded")).code === "VALID");
  console.log(`bounded checks were valid again ${Date.now() - up} ms after the control plane`);
  assert.deepEqual([(await one("bounded")).freshness, (await one("orEventual")).freshness], ["bounded", "bounded"]);
});

test("wait is correct even if the object restarts before or during it", async (t) => {
  const {
    app,
    key,
    admin,
    gateways: [gateway],
  } = await setUp(t, 1, { lease: 4, faulty: true });
  const [before, during] = await issue(admin, 20);
  const restart = async () => {
    await app.object(`ledger/${key}`, "https://ledger/restart", { method: "POST" });
    await sleep(100);
  };
  const both = [before.token, during.token];
  const passes = async () => (await gateway.verify(both)).map(({ code }) => code === "VALID");
  assert.deepEqual(await passes(), [true, true]);
  assert.deepEqual(await passes(), [true, true]);
  // The lease continues, and the gateway gets no more responses. The restarted object knows of the lease only from disk.
  gateway.hold();
  await restart();
  const began = Date.now();
  const answered = [before, during].map(async ({ id }, at) => {
    const { state, waited } = await admin.expect(200, "DELETE", `/v1/tokens/${id}?wait=true`);
    assert.equal(state, "revoked");
    assert.equal((await passes())[at], false, "the token is not accepted after the response");
    return waited.ms;
  });
  await sleep(500);
  assert.deepEqual(await passes(), [true, true], "the tokens are accepted for a while, which the test requires");
  await restart();
  const waits = await Promise.all(answered);
  console.log(`waited ${waits.join(" and ")} ms, of ${Date.now() - began}`);
  // A new object reads when the leases of the previous one expire: four seconds, and one for clock differences.
  assert.ok(
    waits.every((ms) => ms > 3_500),
    waits.join(),
  );
});
