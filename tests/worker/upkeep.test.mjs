// Background work of a ledger: completing a deletion, and expiring rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, workspace } from "./client.mjs";
import { ROOT_TOKEN, eventually, start } from "./harness.mjs";

const PATIENCE = 40;

/** A request as root, within a workspace. */
async function asRoot(app, slug, method, path) {
  const headers = { authorization: `Bearer ${ROOT_TOKEN}`, "x-counterfoil-workspace": slug };
  const response = await app.fetch(path, { method, headers });
  return { status: response.status, body: await response.json() };
}

/** A workspace with rows of every kind, all of it in the registry. */
async function furnished(app, slug) {
  const { key, admin } = await workspace(app, slug);
  await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] });
  await admin.expect(201, "POST", "/v1/clients", { id: "cli", name: "CLI", permissions: ["orders:read"] });
  const made = [];
  for (const owner of ["ada", "ada", undefined]) made.push(await admin.issue({ owner, scopes: ["orders:read"] }));
  const rotated = await admin.expect(200, "POST", `/v1/tokens/${made[0].id}/rotate`, { grace_seconds: 3_600 });
  await admin.revoke(made[1].id);
  // The workspace, two members, four tokens and a replaced token value.
  await eventually(async () => (await recordsOf(app, key)).length === 8);
  return { key, admin, texts: [rotated, ...made].map(({ token }) => token) };
}

/** All registry keys of a workspace. */
async function keysOf(app, key) {
  return (await app.keys()).filter((name) => name.split("/")[1] === key);
}

/** The same without edition files. */
async function recordsOf(app, key) {
  return (await app.records()).filter((name) => name.split("/")[1] === key);
}

test("a deleted workspace is unknown immediately, then erased from registry and disk", async (t) => {
  const app = await start(t);
  const acme = await furnished(app, "acme");
  const other = await furnished(app, "other");
  const untouched = await recordsOf(app, other.key);
  await eventually(async () => (await app.keys(`s/${acme.key}/`)).length >= 3, PATIENCE);

  // The registry rejects deletions, and the power fails meanwhile.
  app.registry.fail("delete", "refused");
  const begun = await asRoot(app, "acme", "DELETE", "/v1/workspace");
  assert.deepEqual([begun.status, begun.body], [202, { complete: false }]);
  for (const text of acme.texts) assert.equal((await new Client(app, text).send("GET", "/v1/tokens/self")).status, 401);
  assert.equal(await other.admin.code(acme.texts[0]), "UNKNOWN");
  assert.equal((await acme.admin.send("GET", "/v1/tokens")).status, 401);
  await eventually(() => app.registry.count("delete") > 0);
  const taken = await new Client(app, ROOT_TOKEN).send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" });
  assert.deepEqual(
    [taken.status, taken.body.code],
    [409, "ALREADY_EXISTS"],
    "the slug is not free before the deletion is complete",
  );
  await app.crash();
  assert.equal((await recordsOf(app, acme.key)).length, 8);
  app.registry.heal();

  // No further request: the alarm continues the deletion.
  await eventually(async () => (await keysOf(app, acme.key)).length === 0, PATIENCE);
  const again = await eventually(async () => {
    const answer = await new Client(app, ROOT_TOKEN).send("POST", "/v1/workspaces", { slug: "acme", name: "Acme" });
    return answer.status === 201 && answer.body;
  }, PATIENCE);
  assert.notEqual(again.workspace.key, acme.key);
  assert.equal((await new Client(app, again.token.token).expect(200, "GET", "/v1/tokens")).total, 1);
  assert.equal((await acme.admin.send("GET", "/v1/tokens")).status, 401);

  assert.deepEqual(await recordsOf(app, other.key), untouched);
  assert.equal(await other.admin.code(other.texts[0]), "VALID");
});

test("a grace period expires in the ledger and in the registry", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const token = await admin.issue({ scopes: ["orders:read"] });
  const rotated = await admin.expect(200, "POST", `/v1/tokens/${token.id}/rotate`, { grace_seconds: 8 });
  const end = Date.parse(rotated.previous_valid_until);
  const codes = async (freshness) => {
    const tokens = [token.token, rotated.token];
    const { results } = await admin.expect(200, "POST", "/v1/verify", { tokens, demand: { freshness } });
    return results.map(({ code }) => code);
  };
  assert.deepEqual(await codes("strong"), ["VALID", "VALID"]);
  assert.equal(rotated.id, token.id);
  await eventually(async () => (await app.keys(`r/${key}/`)).length === 3);
  assert.deepEqual(await codes("eventual"), ["VALID", "VALID"]);
  assert.ok(Date.now() < end, "the machine was too slow for a meaningful result");

  await sleep(end - Date.now() + 50);
  assert.deepEqual(await codes("strong"), ["REVOKED", "VALID"]);
  app.ledger.fail("fetch", "refused");
  assert.deepEqual(await codes("eventual"), ["REVOKED", "VALID"]);
  app.ledger.heal();
  assert.equal((await new Client(app, token.token).send("GET", "/v1/tokens/self")).body.code, "REVOKED");
});
