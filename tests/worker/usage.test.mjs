// Token usage on the real runtime: counted in the isolate, reported in the background, added by the ledger.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, logged, workspace } from "./client.mjs";
import { ROOT_TOKEN, eventually, start } from "./harness.mjs";

/** The number of checks of a burst, and how many are concurrent. */
const BURST = 400;
const LANES = 8;

/** Seconds until an idle isolate has reported: 25 for its timer, the rest for a slow machine. */
const PATIENCE = 45;

/** Reads as root, which is not a token and is not counted. */
async function read(app, path) {
  const headers = { authorization: `Bearer ${ROOT_TOKEN}`, "x-counterfoil-workspace": "acme" };
  const response = await app.fetch(path, { headers });
  assert.equal(response.status, 200);
  return response.json();
}

const usage = (app, { id }) => read(app, `/v1/tokens/${id}/usage?days=2`);

/** The responses to this many checks, sent as fast as possible. */
async function burst(app, gate, token, count) {
  const answers = [];
  const lane = async () => {
    while (answers.length < count) {
      const body = { token: token.token, demand: { freshness: "eventual" } };
      const at = answers.push(undefined) - 1;
      answers[at] = await gate.send("POST", "/v1/verify", body);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  assert.ok(answers.every(({ body }) => body.code === "VALID"));
  return answers;
}

test("usage is counted within a minute without delaying responses", { timeout: 300_000 }, async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const token = await admin.issue({ scopes: ["orders:read"] });
  const issued = await admin.issue({ scopes: ["tokens:verify"] });
  const gate = new Client(app, issued.token);
  // The registry must have these records, because a miss would be a ledger request.
  await eventually(async () => (await app.keys(`r/${key}/`)).length === 3);
  // An isolate that has nothing to report.
  await app.crash();
  assert.equal((await usage(app, token)).total, 0);
  await burst(app, gate, token, 1);

  const passed = () => [app.ledger.count("fetch"), app.registry.count("get"), app.registry.count("put", "r/")];
  const before = passed();
  const began = Date.now();
  const answers = await burst(app, gate, token, BURST);
  const ended = Date.now();
  assert.ok(ended - began < 20_000, "the machine was too slow for a meaningful result");
  assert.deepEqual(passed(), before, "no operation of the ledger or the registry occurred");
  for (const answer of answers) {
    const { ledger_calls, registry_reads } = await logged(app, answer);
    assert.deepEqual([ledger_calls, registry_reads], [0, 0]);
  }

  await eventually(() => app.ledger.count("fetch") > before[0], PATIENCE);
  const known = await eventually(async () => {
    const found = await usage(app, token);
    return found.total > 0 && found;
  });
  assert.ok(Date.now() - ended < 60_000, "reported within a minute");
  assert.equal(known.total, BURST + 1);
  const last = Date.parse(known.last_used_at);
  assert.ok(began <= last && last <= ended, `${known.last_used_at} is the time of the last use`);
  assert.equal((await read(app, `/v1/tokens/${token.id}`)).last_used_at, known.last_used_at);
  const listed = (await read(app, "/v1/tokens?usage=2")).items.map(({ id, daily_uses }) => [id, daily_uses]);
  assert.deepEqual(
    Object.fromEntries(listed)[token.id],
    known.items.map(({ uses }) => uses),
  );
  assert.equal((await usage(app, issued)).total, BURST + 1, "the caller's own token was used as often");

  // Another isolate on the same ledger. Usage that the first isolate has not reported when it ends is lost.
  await burst(app, gate, token, 5);
  await app.crash();
  await burst(app, gate, token, 20);
  const more = await eventually(async () => {
    const found = await usage(app, token);
    return found.total > known.total && found;
  }, PATIENCE);
  assert.equal(more.total, BURST + 1 + 20);
  assert.ok(more.last_used_at > known.last_used_at);

  // Verifiers are not notified of usage.
  assert.equal(app.registry.count("put", "r/"), before[2]);
});
