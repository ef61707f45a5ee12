// A row of a ledger's database that cannot be read: nobody passes by it, and it concerns no more than what it describes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

/** A deployment with a workspace of two members, Ada's token, and two of the admin's; an isolate that has met none. */
async function deployment(t) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] };
  await admin.expect(201, "POST", "/v1/members", ada);
  const adas = await admin.issue({ owner: "ada", scopes: ["orders:read"] });
  const [one, other] = [await admin.issue({ scopes: ["orders:read"] }), await admin.issue({ scopes: ["orders:read"] })];
  return { app, key, admin, adas, one, other };
}

/** What a check of this token is answered: the decision's code, or the problem's where there is no decision. */
async function code(admin, token, demand = {}) {
  return (await admin.send("POST", "/v1/verify", { token, demand })).body.code;
}

test("a token's row that cannot be read is that token's alone", async (t) => {
  const { app, key, admin, one, other } = await deployment(t);
  await app.rows(`ledger/${key}`, `UPDATE tokens SET scopes = 'garbage' WHERE id = '${one.id}'`);
  for (let turn = 0; turn < 4; turn += 1) {
    assert.notEqual(await code(admin, one.token), "VALID");
    const fresh = await admin.send("POST", "/v1/tokens", { name: "", scopes: ["orders:read"] });
    assert.equal(await code(admin, fresh.body.token), "VALID", "one that was never met is looked up all the same");
  }
  assert.equal(await code(admin, other.token), "VALID");
});

test("a member's row that cannot be read makes that member's tokens fail, and nobody else's", async (t) => {
  for (const damage of ["role = 'garbage'", "grants = 'garbage'", "revoked_before = -1"]) {
    const { app, key, admin, adas, one } = await deployment(t);
    assert.equal(await code(admin, adas.token), "VALID");
    await app.rows(`ledger/${key}`, `UPDATE members SET ${damage} WHERE id = 'ada'`);
    for (let turn = 0; turn < 3; turn += 1) {
      assert.notEqual(await code(admin, adas.token), "VALID", damage);
      assert.notEqual(await code(admin, adas.token, { freshness: "strong" }), "VALID", damage);
      assert.equal(await code(admin, one.token), "VALID", damage);
      assert.equal(await code(admin, one.token, { freshness: "strong" }), "VALID", damage);
    }
    const { status } = await admin.as(adas.token).send("GET", "/v1/tokens");
    assert.ok(status >= 400, `${damage}: ${status}`);
    await app.rows(
      `ledger/${key}`,
      `UPDATE members SET role = 'member', grants = '["orders:*"]', revoked_before = 0 WHERE id = 'ada'`,
    );
    assert.equal(await code(admin, adas.token), "VALID", "once it can be read again");
  }
});

test("a workspace's row that cannot be read lets nobody in there, and no other workspace notices", async (t) => {
  const { app, key, admin, adas } = await deployment(t);
  const other = await workspace(app, "other");
  const good = await other.admin.issue({ scopes: ["orders:read"] });
  assert.equal(await code(admin, adas.token), "VALID");
  for (const [damage, repair] of [
    ["hosts = 'garbage'", "hosts = '[]'"],
    ["identity_providers = 'garbage'", "identity_providers = '[]'"],
    ["lease_max = -1", "lease_max = 10"],
    ["prefix = ''", "prefix = 'cfl'"],
  ]) {
    await app.rows(`ledger/${key}`, `UPDATE workspace SET ${damage}`);
    assert.notEqual(await code(admin, adas.token), "VALID", damage);
    assert.notEqual(await code(admin, adas.token, { freshness: "strong" }), "VALID", damage);
    assert.equal(await code(other.admin, good.token), "VALID");
    await app.rows(`ledger/${key}`, `UPDATE workspace SET ${repair}`);
    assert.equal(await code(admin, adas.token), "VALID", `${damage}, mended`);
  }
});

test("a row of the outbox that is damaged keeps no other from the registry, and lets nobody in", async (t) => {
  const { app, key, admin, one, other } = await deployment(t);
  await eventually(async () => (await app.records()).length === 7);
  app.registry.fail("put", "refused");
  await admin.revoke(one.id);
  await admin.revoke(other.id);
  const [name, next] = [one, other].map(({ digest }) => `r/${key}/${digest}`);
  const before = Buffer.from(await app.stored(next));
  const damages = [
    `UPDATE outbox SET value = x'ff00ff' WHERE key = '${name}'`,
    // Keys that the registry always refuses, due at a time for which the runtime sets no alarm.
    `INSERT INTO outbox VALUES ('${"x".repeat(600)}', x'01', 1, 0, 0), ('', x'01', 1, 0, 0)`,
  ];
  for (const damage of damages) await app.rows(`ledger/${key}`, damage);
  app.registry.heal();
  // The alarm may have gone off while the rows were changed, when the worker was not running: this change sets another.
  await admin.issue({ scopes: ["orders:read"] });
  await eventually(async () => !Buffer.from(await app.stored(next)).equals(before), 60);
  await eventually(async () => Buffer.from(await app.stored(name)).equals(Buffer.from([0xff, 0x00, 0xff])), 60);
  await app.crash();
  assert.equal(await code(admin, other.token, { freshness: "eventual" }), "REVOKED");
  assert.equal(await code(admin, one.token, { freshness: "eventual" }), "REVOKED", "by the ledger");
});
