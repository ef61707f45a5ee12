// docs/migration.md, as a reader would follow it: its scripts, exports and shell blocks as they stand there, against a deployment.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../package/installed.mjs";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";
import { follow, steps } from "../worker/shell.mjs";
import { project } from "./installed.mjs";

const PAGE = await readFile(new URL("../../docs/migration.md", import.meta.url), "utf8");

/** The page's blocks that a reader saves, by the file name that the text before each block gives. */
const FILES = Object.fromEntries(
  [...PAGE.matchAll(/`([\w-]+\.(?:mjs|jsonl))`(?:(?!```).)*?```(?:js|jsonl)\n(.*?)```/gs)].map(([, ...file]) => file),
);
const FOLDER = await project(FILES);

/** The keys that the page's exports contain. */
const [UNKEY, BETTER_AUTH] = ["acme_3ZHbY8q5mT7cKw2RnV4xPd", PAGE.match(/`(shop_\w{60,})`/)[1]];

test("the files that a reader saves are found", () => {
  const names = ["apikey.jsonl", "better-auth.mjs", "first-use.mjs", "unkey.jsonl", "unkey.mjs", "verify-both.mjs"];
  assert.deepEqual(Object.keys(FILES).toSorted(), names);
});

test("the exports contain the keys that the page shows", () => {
  const digest = (key, encoding) => createHash("sha256").update(key).digest(encoding);
  assert.equal(JSON.parse(FILES["unkey.jsonl"].split("\n")[0]).hash, digest(UNKEY, "base64"));
  assert.equal(JSON.parse(FILES["apikey.jsonl"].split("\n")[0]).key, digest(BETTER_AUTH, "base64url"));
});

test("keys of both systems are imported and remain valid", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  const env = { ...process.env, HOST: app.url.origin, ADMIN: admin.token };
  await follow(steps(PAGE), { env, cwd: FOLDER });
  // The one from Unkey was rotated, with a grace period.
  for (const [key, owner, scopes, metadata] of [
    [UNKEY, "ada", ["orders:read"], { plan: "pro" }],
    [BETTER_AUTH, "shop", ["orders:read", "orders:write"], { plan: "free" }],
  ]) {
    const { code, token } = await admin.verify(key, { all_of: scopes, freshness: "strong" });
    assert.deepEqual([code, token.owner, token.scopes, token.metadata], ["VALID", owner, scopes, metadata]);
  }
});

test("rows that cannot be imported are skipped and reported", async () => {
  for (const [script, rows, named] of [
    ["unkey.mjs", "unkey.jsonl", "acme_9KcD: expired, left out\n"],
    ["better-auth.mjs", "apikey.jsonl", "Old: not a SHA-256 digest, left out\n"],
  ]) {
    const { stderr } = await run("sh", ["-c", `node ${script} < ${rows}`], { cwd: FOLDER });
    assert.equal(stderr, named);
    const { tokens } = JSON.parse(await readFile(join(FOLDER, "import-1.json"), "utf8"));
    assert.equal(tokens.length, 1);
  }
});

test("both systems verify, the old one decides, and differences are logged without the key", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  const gateway = await admin.issue({ scopes: ["tokens:verify"] });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  const main = `import { verifyBoth } from "./verify-both.mjs";
    const request = (token) => ({ headers: new Headers({ authorization: "Bearer " + token }) });
    const both = (token, old) => verifyBoth(request(token), { allOf: ["orders:read"] }, async () => old);
    console.log(await both(process.env.TOKEN, true), await both(process.env.TOKEN, false), await both("${UNKEY}", true));`;
  await writeFile(join(FOLDER, "main.mjs"), main);
  const env = { ...process.env, COUNTERFOIL: app.url.origin, COUNTERFOIL_TOKEN: gateway.token, TOKEN: token };
  const { stdout, stderr } = await run(process.execPath, ["main.mjs"], { cwd: FOLDER, env });
  assert.equal(stdout, "true false true\n");
  const differences = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    differences.map(({ old, code, owner }) => [old, code, owner]),
    [
      [false, "VALID", "admin"],
      [true, "UNKNOWN", undefined],
    ],
  );
  assert.ok(!stderr.includes(token) && !stderr.includes(UNKEY), "no key is logged");
});

test("a key whose hash cannot be converted is imported when it is first used", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] });
  const importer = await admin.issue({ scopes: ["tokens:import", "orders:read"] });
  const key = "old-system-key-0123456789";
  assert.equal(await admin.code(key, { freshness: "strong" }), "UNKNOWN");
  const main = `import { importOnFirstUse } from "./first-use.mjs";
    const known = { name: "from the old system", owner: "ada", scopes: ["orders:read"] };
    const results = [];
    for (const key of ["${key}", "${key}", "too-short"]) results.push(await importOnFirstUse(key, known));
    console.log(results.join());`;
  await writeFile(join(FOLDER, "main.mjs"), main);
  const env = { ...process.env, COUNTERFOIL: app.url.origin, COUNTERFOIL_IMPORT_TOKEN: importer.token };
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: FOLDER, env });
  assert.equal(stdout, "true,true,false\n");
  assert.equal(await admin.code(key, { all_of: ["orders:read"], freshness: "strong" }), "VALID");
});
