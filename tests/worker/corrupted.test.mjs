// An unreadable row of a ledger's database grants no access, and affects only what the row describes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

/**
 * A deployment with a workspace of two members, Ada's token, and two of the admin's; and an isolate with an empty
 * cache.
 */
async function deployment(t) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] };
  await admin.expect(201, "POST", "/v1/members", ada);
  const adas = await admin.issue({ owner: "ada", scopes: ["orders:read"] });
  const [one, other] = [await admin.issue({ scopes: ["orders:read"] }), await admin.issue({ scopes: ["orders:read"] })];
  return { app, key, admin, adas, one, other };
}

/** The code of the decision about this token, or of the problem if there is no decision. */
async function code(admin, token, demand = {}) {
  return (await admin.send("POST", "/v1/verify", { token, demand })).body.code;
}

test("an unreadable token row affects only that token", async (t) => {
  const { app, key, admin, one, other } = await deployment(t);
  await app.rows(`ledger/${key}`, `UPDATE tokens SET scopes = 'garbage' WHERE id = '${one.id}'`);
  for (let turn = 0; turn < 4; turn += 1) {
    assert.notEqual(await code(admin, one.token), "VALID");
    const fresh = await admin.send("POST", "/v1/tokens", { name: "", scopes: ["orders:read"] });
    assert.equal(await code(admin, fresh.body.token), "VALID", "a token that is not cached is looked up");
  }
  assert.equal(await code(admin, other.token), "VALID");
});

test("an unreadable member row affects only that member's tokens", async (t) => {
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
    assert.equal(await code(admin, adas.token), "VALID", "accepted once it is readable again");
  }
});

test("an unreadable workspace row fails closed and affects no other workspace", async (t) => {
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
    assert.equal(await code(admin, adas.token), "VALID", `${damage}, repaired`);
  }
});

test("a damaged outbox row grants no access and does not block other records", async (t) => {
  const { app, key, admin, one, other } = await deployment(t);
  await eventually(async () => (await app.records()).length === 7);
  app.registry.fail("put", "refused");
  await admin.revoke(one.id);
  await admin.revoke(other.id);
  const [name, next] = [one, other].map(({ digest }) => `r/${key}/${digest}`);
  const before = Buffer.from(await app.stored(next));
  const damages = [
    `UPDATE outbox SET value = x'ff00ff' WHERE key = '${name}'`,
    // Keys that the registry always rejects, due at a time for which the runtime sets no alarm.
    `INSERT INTO outbox VALUES ('${"x".repeat(600)}', x'01', 1, 0, 0), ('', x'01', 1, 0, 0)`,
  ];
  for (const damage of damages) await app.rows(`ledger/${key}`, damage);
  app.registry.heal();
  // The alarm may have been due while the rows were changed and the worker did not run: this change sets another one.
  await admin.issue({ scopes: ["orders:read"] });
  await eventually(async () => !Buffer.from(await app.stored(next)).equals(before), 60);
  await eventually(async () => Buffer.from(await app.stored(name)).equals(Buffer.from([0xff, 0x00, 0xff])), 60);
  await app.crash();
  assert.equal(await code(admin, other.token, { freshness: "eventual" }), "REVOKED");
  assert.equal(await code(admin, one.token, { freshness: "eventual" }), "REVOKED", "by the ledger");
});
