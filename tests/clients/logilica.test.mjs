// Logilica's pair of headers, as its clients send it with every request.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";

/** Reads the token presented in these headers. */
async function read(app, headers) {
  const response = await app.fetch("/v1/tokens/self", { headers });
  return { status: response.status, body: await response.json() };
}

/** Presents a token as Logilica's clients do. */
const pair = (token, domain) => ({ "X-lgca-token": token, "x-lgca-domain": domain });

test("the header pair is accepted if the domain is the token's workspace", async (t) => {
  const app = await start(t);
  const [acme, other] = [await workspace(app, "acme"), await workspace(app, "other")];
  const { token, id } = await acme.admin.issue({ scopes: ["tokens:verify"], expires_at: "2099-12-31" });
  const found = await read(app, pair(token, "acme"));
  assert.deepEqual([found.status, found.body.id, found.body.expires_at], [200, id, "2100-01-01T00:00:00.000Z"]);
  const body = JSON.stringify({ token: acme.admin.token });
  const headers = { ...pair(token, "acme"), "content-type": "application/json" };
  const verified = await app.fetch("/v1/verify", { method: "POST", headers, body });
  assert.equal((await verified.json()).code, "VALID");

  for (const [presented, domain] of [
    [token, "other"],
    [token, "nowhere"],
    [other.admin.token, "acme"],
    ["lgca-never-issued-anywhere", "acme"],
  ]) {
    const { status, body } = await read(app, pair(presented, domain));
    assert.deepEqual([status, body.code], [401, "UNKNOWN"], domain);
  }
  const half = await read(app, { "X-lgca-token": token });
  assert.deepEqual([half.status, half.body.code], [400, "WORKSPACE_REQUIRED"]);
  const torn = await read(app, { ...pair(token, "acme"), authorization: `Bearer ${other.admin.token}` });
  assert.deepEqual([torn.status, torn.body.code], [400, "AMBIGUOUS_CREDENTIAL"]);

  await acme.admin.revoke(id);
  assert.equal((await read(app, pair(token, "acme"))).body.code, "REVOKED");
  assert.equal((await read(app, pair(token, "other"))).body.code, "UNKNOWN");
});

test("the domain selects the workspace of an imported token", async (t) => {
  const app = await start(t);
  const [acme] = [await workspace(app, "acme"), await workspace(app, "other")];
  const token = "lgca-0123456789abcdef0123456789abcdef";
  const digest = createHash("sha256").update(token).digest("hex");
  const tokens = [{ digest, name: "from Logilica", scopes: ["tokens:read"] }];
  await acme.admin.expect(200, "POST", "/v1/tokens/import", { tokens });
  const found = await read(app, pair(token, "acme"));
  assert.deepEqual([found.status, found.body.name], [200, "from Logilica"]);
  assert.equal((await read(app, pair(token, "other"))).body.code, "UNKNOWN");
});
