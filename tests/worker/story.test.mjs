// The life of a token on the real runtime, with a power cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, workspace } from "./client.mjs";
import { start } from "./harness.mjs";

test("creating, verifying and revoking a token survives a restart", async (t) => {
  const app = await start(t);
  const acme = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] };
  await acme.admin.expect(201, "POST", "/v1/members", ada);
  const ci = await acme.admin.issue({ name: "ci", owner: "ada", scopes: ["orders:read"], metadata: { team: [1] } });
  const kept = await acme.admin.issue({ name: "kept", scopes: ["orders:read", "orders:write"] });
  const gate = new Client(app, (await acme.admin.issue({ scopes: ["tokens:verify"] })).token);

  const valid = await gate.verify(ci.token, { all_of: ["orders:read"] });
  assert.equal(valid.freshness, "strong");
  assert.ok(Math.abs(Date.parse(valid.as_of) - Date.now()) < 60_000, "as of the ledger's clock");
  assert.deepEqual([valid.valid, valid.code], [true, "VALID"]);
  assert.deepEqual(valid.token, {
    id: ci.id,
    number: 2,
    name: "ci",
    workspace: "acme",
    owner: "ada",
    scopes: ["orders:read"],
    client_id: null,
    expires_at: null,
    metadata: { team: [1] },
  });
  assert.equal(await gate.code(ci.token, { all_of: ["orders:write"] }), "INSUFFICIENT_SCOPE");
  assert.equal(await other.admin.code(ci.token), "UNKNOWN");
  assert.equal((await gate.send("GET", "/v1/tokens")).body.code, "INSUFFICIENT_SCOPE");

  const revoked = await acme.admin.revoke(ci.id);
  assert.equal(revoked.state, "revoked");
  // No wait and no poll: the revocation has returned, so it is effective.
  assert.equal(await gate.code(ci.token), "REVOKED");
  assert.equal(await gate.code(ci.token, { freshness: "bounded" }), "REVOKED");
  const { tokens, codes } = {
    tokens: [kept.token, ci.token, other.admin.token, "nonsense"],
    codes: ["VALID", "REVOKED", "UNKNOWN", "MALFORMED"],
  };
  const batch = await gate.expect(200, "POST", "/v1/verify", { tokens });
  assert.deepEqual(
    batch.results.map(({ code }) => code),
    codes,
  );

  const before = await acme.admin.expect(200, "GET", "/v1/tokens");
  await app.crash();
  assert.deepEqual(await acme.admin.expect(200, "GET", "/v1/tokens"), before);
  assert.equal(await gate.code(ci.token), "REVOKED");
  assert.equal(await gate.code(kept.token, { any_of: ["orders:write"] }), "VALID");
  assert.equal((await new Client(app, ci.token).send("GET", "/v1/tokens/self")).body.code, "REVOKED");
  const next = await acme.admin.issue({ scopes: [] });
  assert.equal(next.number, before.total + 1, "token numbers continue");
});

test("concurrent creations respect the quota and get distinct numbers", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["orders:*"], quota: 5 };
  await admin.expect(201, "POST", "/v1/members", ada);
  const create = () => admin.send("POST", "/v1/tokens", { name: "", owner: "ada", scopes: ["orders:read"] });
  const answers = await Promise.all(Array.from({ length: 25 }, create));
  const issued = answers.filter(({ status }) => status === 201).map(({ body }) => body.number);
  assert.deepEqual(issued.toSorted(), [2, 3, 4, 5, 6]);
  const refused = answers.filter(({ status }) => status !== 201).map(({ body }) => body.code);
  assert.deepEqual(new Set(refused), new Set(["QUOTA_EXCEEDED"]));
});
