// The registry follows the ledger: it may lag, but always catches up.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

const EVENTUAL = { freshness: "eventual" };

/**
 * A failed write is retried after 1, 2, 4, 8 s …; a test that heals within those has seen all retries after these
 * seconds.
 */
const PATIENCE = 30;

/** Longer than the runtime takes to run a due alarm. */
const QUIET = 4_000;

const recordOf = (key, { digest }) => `r/${key}/${digest}`;

/** Whether the registry holds another record than before. */
async function isOther(app, key, before) {
  return !Buffer.from(await app.stored(key)).equals(Buffer.from(before));
}

async function isQuiet(app) {
  const puts = app.registry.count("put");
  await sleep(QUIET);
  return app.registry.count("put") === puts;
}

test("created and revoked tokens are decided from the registry without the ledger", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const live = await admin.issue({ scopes: ["orders:read"] });
  const dead = await admin.issue({ scopes: ["orders:read"] });
  await eventually(() => app.stored(recordOf(key, dead)));
  const issued = await app.stored(recordOf(key, dead));
  await admin.revoke(dead.id);
  await eventually(() => isOther(app, recordOf(key, dead), issued));
  await eventually(async () => (await app.records()).length === 5);
  const keys = await app.records();
  const tokens = (await admin.expect(200, "GET", "/v1/tokens")).items;
  assert.deepEqual(keys, [`o/${key}/1`, ...tokens.map((token) => recordOf(key, token)).toSorted(), `w/${key}`]);

  app.ledger.fail("fetch", "refused");
  const [asked, read] = [app.ledger.count("fetch"), app.registry.count("get")];
  const valid = await admin.verify(live.token, { ...EVENTUAL, all_of: ["orders:read"] });
  assert.deepEqual([valid.code, valid.freshness, valid.token.id], ["VALID", "eventual", live.id]);
  assert.equal(await admin.code(dead.token, EVENTUAL), "REVOKED");
  assert.equal(app.ledger.count("fetch"), asked + 1, "the ledger was queried once, for the caller's token");
  const first = app.registry.count("get");
  assert.ok(first > read);
  assert.equal(await admin.code(live.token, EVENTUAL), "VALID");
  assert.equal(app.registry.count("get"), first, "the decision is cached");
  assert.equal((await admin.send("POST", "/v1/verify", { token: live.token })).body.code, "LEDGER_UNAVAILABLE");
});

test("an edition's files are in the registry under their hashes", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  await admin.issue({ scopes: ["orders:read"] });
  const files = async () => {
    const names = await app.keys(`s/${key}/`);
    const stored = await Promise.all(names.map((name) => app.stored(name)));
    return names.map((name, nth) => [name, Buffer.from(stored[nth])]);
  };
  const kinds = async () => (await files()).map(([, file]) => String.fromCharCode(file[1])).toSorted();
  await eventually(async () => (await kinds()).join("") === "mns", PATIENCE);
  for (const [name, file] of await files()) {
    assert.equal(name, `s/${key}/${createHash("sha256").update(file).digest("hex")}`);
  }

  // The next edition has another segment and manifest. The old files are deleted once no lease can name them.
  await admin.issue({ scopes: ["orders:read"] });
  await eventually(async () => (await kinds()).join("") === "mmnss", PATIENCE);
});

for (const fault of ["refused", "lost"]) {
  test(`a registry whose writes are ${fault}: the change persists, and the alarm updates the registry`, async (t) => {
    const app = await start(t);
    const { key, admin } = await workspace(app, "acme");
    const token = await admin.issue({ scopes: [] });
    await eventually(async () => (await app.records()).length === 4);
    const issued = await app.stored(recordOf(key, token));

    app.registry.fail("put", fault);
    await admin.revoke(token.id);
    const late = await admin.issue({ scopes: ["orders:read"] });
    const puts = () => app.registry.count("put", recordOf(key, late));
    // A failed write has an unknown outcome, so it is repeated even if it succeeded.
    await eventually(() => puts() >= 2, PATIENCE);
    assert.equal((await admin.expect(200, "GET", `/v1/tokens/${token.id}`)).state, "revoked", "the change persists");
    assert.equal(await admin.code(token.token), "REVOKED");
    assert.equal(await admin.code(late.token), "VALID");
    assert.equal((await app.stored(recordOf(key, late))) === null, fault === "refused");

    app.registry.heal();
    await eventually(() => app.stored(recordOf(key, late)), PATIENCE);
    // Each record waits for its own retry. A verifier that read this one too early would cache it for a minute.
    await eventually(() => isOther(app, recordOf(key, token), issued), PATIENCE);

    // An isolate with an empty cache, and no ledger.
    await app.crash();
    app.ledger.fail("fetch", "refused");
    assert.equal(await admin.code(token.token, EVENTUAL), "REVOKED");
    assert.equal(await admin.code(late.token, EVENTUAL), "VALID");

    // Eventually no more writes happen.
    await eventually(() => isQuiet(app), 2 * PATIENCE);
  });
}

test("a power cut while the registry is down loses no outbox record", async (t) => {
  const app = await start(t);
  app.registry.fail("put", "refused");
  const { key, admin } = await workspace(app, "acme");
  const token = await admin.issue({ scopes: [] });
  await admin.revoke(token.id);
  await eventually(() => app.registry.count("put", recordOf(key, token)) > 0);
  await app.crash();
  app.registry.heal();
  await eventually(async () => (await app.records()).length === 4, PATIENCE);
  app.ledger.fail("fetch", "refused");
  assert.equal(await admin.code(token.token, EVENTUAL), "REVOKED");
});

test("an unresponsive ledger times out, and eventual checks continue", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const { token } = await admin.issue({ scopes: [] });
  await eventually(async () => (await app.records()).length === 4);
  app.ledger.fail("fetch", "held");
  const asked = Date.now();
  const answer = admin.send("POST", "/v1/verify", { token });
  assert.equal(await admin.code(token, EVENTUAL), "VALID");
  const { status, body } = await answer;
  assert.deepEqual([status, body.code], [503, "LEDGER_UNAVAILABLE"]);
  const took = Date.now() - asked;
  assert.ok(4_000 < took && took < 20_000, `about five seconds, not ${took} ms`);
});
