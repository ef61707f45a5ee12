// Databricks' own Python client against the built bundle: all of its token API, in `databricks_client.py`.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";

const PYTHON = process.env.COUNTERFOIL_PYTHON ?? "python3";
const SCRIPT = fileURLToPath(new URL("databricks_client.py", import.meta.url));

test("Databricks' client manages tokens", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const scopes = ["sql", "clusters"].map((name) => ({ name, description: name }));
  await admin.expect(200, "PUT", "/v1/scopes", { scopes });
  const grants = ["tokens:read", "tokens:write", "tokens:grant", "sql"];
  const token = async (id, quota) => {
    await admin.expect(201, "POST", "/v1/members", { id, name: id, role: "member", grants, quota });
    return (await admin.issue({ owner: id, scopes: grants })).token;
  };
  const env = {
    // None of this machine's settings: no proxy, no profile, no credential.
    PATH: process.env.PATH,
    SYSTEMROOT: process.env.SYSTEMROOT,
    NO_PROXY: "*",
    DATABRICKS_CONFIG_FILE: join(app.storage, "none"),
    COUNTERFOIL_URL: app.url.origin,
    COUNTERFOIL_KEY: key,
    COUNTERFOIL_ADMIN: admin.token,
    COUNTERFOIL_ADA: await token("ada"),
    // His second token exceeds the quota.
    COUNTERFOIL_BOB: await token("bob", 1),
  };
  const run = await promisify(execFile)(PYTHON, [SCRIPT], { env }).catch((failed) => failed);
  assert.equal(run.code ?? 0, 0, run.stderr);
  assert.match(run.stderr, /^Ran [1-9]\d* tests/m);

  // The log names routes, and contains none of the tokens.
  const tokens = [env.COUNTERFOIL_ADMIN, env.COUNTERFOIL_ADA, env.COUNTERFOIL_BOB, ...run.stdout.trim().split(/\s+/)];
  assert.ok(tokens.length > 10 && tokens.every((token) => token.startsWith("cft_")), run.stdout);
  await eventually(() => app.log.some((line) => line.includes("/api/2.0/token-management/tokens/{id}")));
  for (const token of tokens) assert.ok(!app.log.some((line) => line.includes(token)), "a token is in the log");
});
