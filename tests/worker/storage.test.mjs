// The storage of a Durable Object provides what the ledger relies on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

test("a Durable Object's SQLite passes the conformance suite", async (t) => {
  const app = await start(t, { faulty: true });
  const answer = await app.object("conformance", "https://ledger/conformance");
  assert.deepEqual([answer.status, await answer.text()], [200, "conforms"]);
});

test("tokens are found by text and scope after the alarm has indexed them, and after changes", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(200, "PUT", "/v1/scopes", { scopes: [{ name: "orders:read", description: "" }] });
  const tokens = Array.from({ length: 450 }, (_, at) => ({
    digest: createHash("sha256").update(`token ${at}`).digest("hex"),
    name: at === 7 ? "a needle" : "hay",
    scopes: at === 8 ? ["orders:read"] : [],
  }));
  const { items } = await admin.expect(200, "POST", "/v1/tokens/import", { tokens });
  const names = async (query) =>
    (await admin.expect(200, "GET", `/v1/tokens?${query}`)).items.map(({ name, scopes }) => `${name} ${scopes}`);
  const found = async () => [await names("q=NEEDLE"), await names("scope=orders:read"), await names("q=thimble")];
  for (const wait of [0, 1_500]) {
    await sleep(wait);
    assert.deepEqual(await found(), [["a needle "], ["hay orders:read"], []]);
  }
  await admin.expect(200, "PATCH", `/v1/tokens/${items[7].id}`, { name: "a thimble" });
  for (const wait of [0, 1_500]) {
    await sleep(wait);
    assert.deepEqual(await found(), [[], ["hay orders:read"], ["a thimble "]]);
  }
});

test("stored data survives a panic of the object", async (t) => {
  const app = await start(t, { faulty: true });
  const { key, admin } = await workspace(app, "acme");
  const before = await admin.expect(200, "GET", "/v1/tokens");
  await assert.rejects(app.object(`ledger/${key}`, "https://ledger/panic"));
  assert.deepEqual(await admin.expect(200, "GET", "/v1/tokens"), before);
  assert.equal((await admin.issue({ scopes: [] })).number, 2);
});
