// The storage of a Durable Object provides what the ledger relies on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

test("a Durable Object's SQLite passes the conformance suite", async (t) => {
  const app = await start(t, { faulty: true });
  const answer = await app.object("conformance", "https://ledger/conformance");
  assert.deepEqual([answer.status, await answer.text()], [200, "conforms"]);
});

test("stored data survives a panic of the object", async (t) => {
  const app = await start(t, { faulty: true });
  const { key, admin } = await workspace(app, "acme");
  const before = await admin.expect(200, "GET", "/v1/tokens");
  await assert.rejects(app.object(`ledger/${key}`, "https://ledger/panic"));
  assert.deepEqual(await admin.expect(200, "GET", "/v1/tokens"), before);
  assert.equal((await admin.issue({ scopes: [] })).number, 2);
});
