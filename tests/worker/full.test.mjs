// A workspace whose storage is nearly full: with a small limit, and the sizes that the object reports.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

const LIMIT = 1_000_000;

test("full storage refuses additions with a code and allows revocations", async (t) => {
  const app = await start(t, { bindings: { STORAGE_LIMIT: String(LIMIT) } });
  const { admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["tokens:read", "tokens:write"], quota: 10_000 };
  await admin.expect(201, "POST", "/v1/members", ada);
  const storage = async () => (await admin.expect(200, "GET", "/v1/workspace")).storage;
  const before = await storage();
  assert.equal(before.limit_bytes, LIMIT);
  assert.ok(before.used_bytes > 50_000 && before.used_bytes < LIMIT / 2, String(before.used_bytes));

  const ids = [];
  const token = { name: "n".repeat(200), note: "n".repeat(1_000), owner: "ada", scopes: [] };
  /** Creates tokens until one is refused; returns how many were created, and the refusal. */
  const fill = async () => {
    const before = ids.length;
    for (;;) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => admin.send("POST", "/v1/tokens", token)));
      ids.push(...answers.filter(({ status }) => status === 201).map(({ body }) => body.id));
      const refused = answers.find(({ status }) => status !== 201);
      if (refused) return { created: ids.length - before, refused };
    }
  };
  // What waits for the registry takes room until it is written, so room becomes free after a refusal.
  const settled = async () => {
    const recent = [];
    while (recent.length < 4 || new Set(recent.slice(-4)).size > 1) {
      recent.push((await storage()).used_bytes);
      await sleep(500);
    }
  };
  let filled;
  do {
    filled = await fill();
    await settled();
  } while (filled.created > 0);
  const { refused } = filled;
  assert.deepEqual([refused.status, refused.body.code], [507, "STORAGE_FULL"]);
  assert.ok(ids.length > 50, `${ids.length} tokens`);
  assert.ok((await storage()).used_bytes >= 0.85 * LIMIT);
  for (const [method, path, body] of [
    ["POST", "/v1/members", { ...ada, id: "bob" }],
    ["POST", "/v1/clients", { id: "app", name: "App", permissions: [] }],
    ["POST", `/v1/tokens/${ids[0]}/rotate`, {}],
    ["POST", "/v1/tokens/import", { tokens: [{ digest: "a1".repeat(32), name: "old", owner: "ada", scopes: [] }] }],
    ["PUT", "/v1/scopes", { scopes: [{ name: "more:of:it", description: "d".repeat(500) }] }],
  ]) {
    const answer = await admin.send(method, path, body);
    assert.deepEqual([answer.status, answer.body.code], [507, "STORAGE_FULL"], `${method} ${path}`);
  }

  await admin.expect(200, "PATCH", `/v1/tokens/${ids[0]}`, { enabled: false });
  await admin.revoke(ids[0]);
  for (let at = 0; at < ids.length; at += 1_000) {
    await admin.expect(200, "POST", "/v1/tokens/revoke", { ids: ids.slice(at, at + 1_000), reason: "r".repeat(200) });
  }
  await admin.expect(200, "PATCH", "/v1/members/ada", { state: "suspended" });
  await admin.expect(200, "DELETE", "/v1/members/ada");
  const left = await admin.expect(200, "GET", "/v1/tokens?state=active");
  assert.equal(left.total, 1, "only the admin's own token is left");
});

test("an invalid STORAGE_LIMIT stops the ledger", async (t) => {
  const app = await start(t, { bindings: { STORAGE_LIMIT: "10 GB" } });
  await assert.rejects(workspace(app, "acme"));
});
