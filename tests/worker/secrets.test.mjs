// No token's text, and no part of it that only its bearer knows, is anywhere but with its bearer.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Client, workspace } from "./client.mjs";
import { ROOT_TOKEN, eventually, start } from "./harness.mjs";

test("after all of it, no secret is on disk or in the log", async (t) => {
  const app = await start(t);
  const acme = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const issued = [];
  for (const scopes of [["orders:read"], ["tokens:verify"], ["tokens:read"]]) {
    issued.push(await acme.admin.issue({ name: "ci", note: "for the pipeline", scopes, metadata: { team: 1 } }));
  }
  const [live, gate, revoked] = issued;
  await acme.admin.revoke(revoked.id);
  const asker = new Client(app, gate.token);
  for (const { token } of issued) {
    for (const freshness of ["strong", "eventual"]) await asker.verify(token, { freshness });
    // In every place that somebody may put one by mistake.
    await acme.admin.send("GET", `/v1/tokens/${token}`);
    await acme.admin.send("GET", `/v1/tokens?cursor=${token}`);
    await acme.admin.send("GET", `/v1/tokens?${token}=1`);
    await acme.admin.send("POST", "/v1/verify", { [token]: token });
    await acme.admin.send(`${token}`, `/${token}`);
    await new Client(app, `${token}x`).send("GET", "/v1/tokens/self");
  }
  app.ledger.fail("fetch", "lost");
  assert.equal((await acme.admin.send("POST", "/v1/tokens", { name: "", scopes: [] })).status, 503);
  app.ledger.heal();
  await eventually(async () => (await app.keys("r/")).length === 6);
  await eventually(() => app.log.length > 20);

  const files = await contents(app.storage);
  const found = (text) => files.filter(({ bytes }) => bytes.includes(text)).map(({ name }) => name);
  // The search finds what is there: digests, slugs, and records in KV.
  for (const there of ["acme", live.digest, Buffer.from(live.digest, "hex"), live.id, live.hint]) {
    assert.notDeepEqual(found(there), []);
  }
  const log = app.log.join("\n");
  const texts = [...issued.map(({ token }) => token), acme.admin.token, other.admin.token];
  // What only the bearer knows are the 24 characters between the workspace's key and the seal.
  const secrets = texts.map((text) => text.slice(-36, -12));
  for (const secret of [...texts, ...secrets, ROOT_TOKEN]) {
    for (const form of forms(secret)) {
      assert.deepEqual(found(form), []);
      assert.ok(!log.includes(form));
    }
  }
});

/** A text as it may lie about: as it is, and in the usual encodings. */
function forms(text) {
  const bytes = Buffer.from(text);
  return [text, bytes.toString("hex"), bytes.toString("base64").slice(0, 30), bytes.toString("base64url").slice(0, 30)];
}

/** Every file below a folder, journals and write-ahead logs among them. */
async function contents(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name));
  return Promise.all(files.map(async (name) => ({ name, bytes: await readFile(name) })));
}
