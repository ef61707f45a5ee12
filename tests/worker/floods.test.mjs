// The load that unauthenticated requests cause on ledgers and the directory, counted on the real runtime. `cargo xtask
// bench floods` measures the latency of other requests meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "@softvisio/core/websocket";
import { Client, workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

/** A deployment, a revoked token, and a counter of the objects called during an action. */
async function scene(t, options) {
  const app = await start(t, options);
  const { admin } = await workspace(app, "acme");
  const former = await admin.issue({ scopes: ["*"] });
  await admin.revoke(former.id);
  const cost = async (work) => {
    const before = app.ledger.count("fetch");
    await work();
    return app.ledger.count("fetch") - before;
  };
  return { app, admin, revoked: new Client(app, former.token), cost };
}

const times = async (count, work) => {
  for (let n = 0; n < count; n++) await work(n);
};

test("unauthenticated floods cause a constant number of object calls", { timeout: 120_000 }, async (t) => {
  const { app, admin, revoked, cost } = await scene(t);
  const message = (id) => ({ jsonrpc: "2.0", id, method: "/v1/api-tokens/read", params: [] });
  const batch = Array.from({ length: 100 }, (_, id) => message(id));
  assert.equal(await cost(() => revoked.expect(200, "POST", "/v1/api-tokens", batch)), 1, "100 messages, one request");
  assert.equal(await cost(() => times(50, () => revoked.expect(200, "POST", "/v1/api-tokens", batch))), 0);

  const refused = (client) =>
    new Promise((resolve) => {
      const url = new URL("/", app.url);
      url.protocol = "ws:";
      const socket = new WebSocket(url, ["jsonrpc_2.0", client.token]);
      socket
        .on("unexpected-response", (_, response) => resolve(response.statusCode))
        .on("error", () => resolve("error"));
      socket.on("open", () => resolve("open"));
      t.after(() => socket.terminate());
    });
  assert.ok((await cost(() => times(20, async () => assert.notEqual(await refused(revoked), "open")))) <= 1);
  assert.equal(await refused(admin), "open");

  const lines = Array.from({ length: 9_000 }, (_, n) => ({
    digest: n.toString(16).padStart(64, "0"),
    name: "x".repeat(200),
    scopes: [],
  }));
  const body = { tokens: lines };
  assert.ok(JSON.stringify(body).length > 2_400_000);
  assert.ok((await cost(() => times(10, () => revoked.expect(401, "POST", "/v1/tokens/import", body)))) <= 1);

  const invented = (n) => new Client(app, `an-invented-third-party-token-${n}`);
  const named = { "x-counterfoil-workspace": "acme" };
  const began = Date.now();
  const asked = await cost(() => times(1_000, (n) => invented(n).send("GET", "/v1/tokens", undefined, named)));
  const seconds = 2 + (Date.now() - began) / 1_000;
  assert.ok(asked <= 50 * seconds, `${asked} ledger requests in ${seconds} s`);
  const offered = (slug) => app.fetch(`/v1/session/providers?workspace=${slug}`).then((answer) => answer.status);
  const slugs = await cost(() => times(500, (n) => offered(`invented-${n}`)));
  assert.ok(slugs <= 20 * (2 + (Date.now() - began) / 1_000), `${slugs} directory requests`);

  // Callers with a valid token are served throughout.
  assert.equal((await admin.send("GET", "/v1/tokens")).status, 200);
});

test("rate limits are those of wrangler.toml", { timeout: 120_000 }, async (t) => {
  const { app, admin } = await scene(t);
  const here = { "cf-connecting-ip": "203.0.113.7" };
  const invented = new Client(app, "an-invented-third-party-token");
  const answers = [];
  await times(140, async () => answers.push((await invented.send("GET", "/v1/tokens", undefined, here)).status));
  assert.equal(answers[0], 401);
  const limited = await new Client(app, (await admin.issue({ scopes: ["*"] })).token).send(
    "GET",
    "/v1/tokens",
    undefined,
    here,
  );
  assert.deepEqual(
    [limited.status, limited.body.code, limited.headers.get("retry-after")],
    [429, "RATE_LIMITED", "10"],
  );
  const starts = [];
  const there = { headers: { "cf-connecting-ip": "203.0.113.8" } };
  await times(70, async () =>
    starts.push((await app.fetch("/v1/session/start?workspace=acme", there)).headers.get("location")),
  );
  assert.match(starts[0], /failed=SIGN_IN_FAILED$/);
  assert.match(starts.at(-1), /failed=RATE_LIMITED$/);
  // Other requests are not limited.
  assert.equal((await admin.send("GET", "/v1/tokens")).status, 200);
});

test("without rate limit bindings everything works, and it is logged once", async (t) => {
  const { app, admin, revoked } = await scene(t, { limited: false });
  await times(3, () => revoked.send("GET", "/v1/tokens"));
  assert.equal((await admin.send("GET", "/v1/tokens")).status, 200);
  await eventually(() => app.log.some((line) => line.includes("NO_RATE_LIMITS")));
  assert.equal(app.log.filter((line) => line.includes("NO_RATE_LIMITS")).length, 1, app.log.join("\n"));
});
