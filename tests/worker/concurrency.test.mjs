// Concurrent requests: the same guarantees as for sequential ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

/**
 * The responses to `count` concurrent requests. The last one waits for all others, and the worker waits at most 5 s for
 * each: on a slow machine a request may have to be repeated, and its idempotency key ensures that it is executed once.
 */
function many(count, send) {
  const persist = async (number) => {
    for (;;) {
      const answer = await send(number, { "idempotency-key": `request-${number}` });
      if (answer.body.code !== "LEDGER_UNAVAILABLE") return answer;
    }
  };
  return Promise.all(Array.from({ length: count }, (_, number) => persist(number)));
}

/** How often each outcome occurred: the code of a problem, otherwise the status. */
function tally(answers) {
  const counts = {};
  for (const { status, body } of answers) {
    const outcome = body.code ?? status;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const tokensOf = (admin, owner) => admin.expect(200, "GET", `/v1/tokens?owner=${owner}&limit=100`);

test("200 concurrent creations with a quota of 50 create 50 tokens", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["orders:*"], quota: 50 };
  await admin.expect(201, "POST", "/v1/members", ada);

  const token = { owner: "ada", scopes: ["orders:read"] };
  const answers = await many(200, (number, key) =>
    admin.send("POST", "/v1/tokens", { name: `${number}`, ...token }, key),
  );
  assert.deepEqual(tally(answers), { 201: 50, QUOTA_EXCEEDED: 150 });
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body);
  const numbers = made.map(({ number }) => number).toSorted((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: 50 }, (_, nth) => nth + 2),
    "each number once, and none left out",
  );
  assert.equal(new Set(made.map(({ digest }) => digest)).size, 50);
  assert.equal((await tokensOf(admin, "ada")).total, 50);
  assert.equal((await admin.expect(200, "GET", "/v1/members/ada")).live_tokens, 50);

  // The quota counts live tokens: three revoked tokens make room for exactly three.
  const ids = made.slice(0, 3).map(({ id }) => id);
  await admin.expect(200, "POST", "/v1/tokens/revoke", { ids });
  const again = await many(20, () => admin.send("POST", "/v1/tokens", { name: "again", ...token }));
  assert.deepEqual(tally(again), { 201: 3, QUOTA_EXCEEDED: 17 });
});

test("50 concurrent creations bound to one client create one token", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/clients", { id: "cli", name: "CLI", permissions: ["orders:read"] });
  await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] });

  const token = { name: "", owner: "ada", scopes: ["orders:read"], client_id: "cli" };
  const create = () => admin.send("POST", "/v1/tokens", token);
  const answers = await many(50, create);
  assert.deepEqual(tally(answers), { 201: 1, ALREADY_EXISTS: 49 });
  const [made] = answers.filter(({ status }) => status === 201);
  assert.deepEqual(
    (await tokensOf(admin, "ada")).items.map(({ id }) => id),
    [made.body.id],
  );

  // After it is revoked, there is room for one.
  await admin.revoke(made.body.id);
  assert.deepEqual(tally(await many(20, create)), { 201: 1, ALREADY_EXISTS: 19 });
});

test("20 concurrent creations with one Idempotency-Key create one token, shown once", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const before = (await admin.expect(200, "GET", "/v1/tokens")).total;
  const create = async (key, name) => {
    const response = await app.fetch("/v1/tokens", {
      method: "POST",
      headers: {
        authorization: `Bearer ${admin.token}`,
        "content-type": "application/json",
        "idempotency-key": key,
      },
      body: JSON.stringify({ name, scopes: ["orders:read"] }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  const answers = await many(20, () => create("job-1", "ci"));
  assert.deepEqual(tally(answers), { 201: 20 });
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
  const first = answers.filter(({ body }) => body.token !== null);
  assert.equal(first.length, 1);
  for (const { headers, body } of answers) {
    const repeated = body.token === null;
    assert.equal(headers.get("idempotent-replayed"), repeated ? "true" : null);
    assert.equal(body.token_shown_before, repeated ? true : undefined);
  }
  assert.equal(await admin.code(first[0].body.token), "VALID");
  assert.equal((await admin.expect(200, "GET", "/v1/tokens")).total, before + 1);

  assert.deepEqual(tally(await many(5, () => create("job-1", "other"))), { IDEMPOTENCY_MISMATCH: 5 });
  assert.deepEqual(tally(await many(5, (number) => create(`job-${number + 2}`, "ci"))), { 201: 5 });
  assert.equal((await admin.expect(200, "GET", "/v1/tokens")).total, before + 6);
});
