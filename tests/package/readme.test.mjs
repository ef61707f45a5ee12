// Runs the README's code for snapshots unchanged.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launch } from "../browser/browser.mjs";
import { writeSnapshot } from "../vectors/write.mjs";
import { install, run, serve } from "./installed.mjs";

const TOKEN = "another-systems-live-token";

/** The code blocks below a heading of the README. */
async function blocks(heading) {
  const text = await readFile(new URL("../../crates/wasm/js/README.md", import.meta.url), "utf8");
  const [, section] = text.split(`## ${heading}\n`);
  return [...section.split("\n## ")[0].matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
}

const code = await blocks("Offline, from a snapshot");
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const keys = { keys: [publicKey.export({ format: "jwk" })] };

/** A folder with the package, a valid snapshot, and its keys. */
async function folderOf(t) {
  const { folder } = await install(t);
  const workspace = { version: 1, key: "0Ab3dE", slug: "acme", suspended: false, has_imports: true, freshness: [] };
  const found = {
    number: 1,
    owner: 1,
    scopes: ["orders:read"],
    revoked: false,
    enabled: true,
    not_before: null,
    expires_at: null,
    replaced_until: null,
    addresses: [],
  };
  const file = writeSnapshot({
    header: { epoch: 1, generation: 1, without_addresses: true, without_weak: false, workspace },
    tokens: [{ digest: createHash("sha256").update(TOKEN).digest("hex"), found }],
    ranges: [{ first: 1, last: 1 }],
    owners: [{ version: 1, number: 1, id: "ada", suspended: false, grants: ["*"], revoked_before: 0 }],
    asOf: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    jwk: privateKey.export({ format: "jwk" }),
  });
  await writeFile(join(folder, "acme.snapshot"), file);
  await writeFile(join(folder, "acme.keys.json"), JSON.stringify(keys));
  await writeFile(join(folder, "acme.keys.js"), `export default ${JSON.stringify(keys)};`);
  return folder;
}

test("in Node, from a file and a configured key", async (t) => {
  const folder = await folderOf(t);
  await writeFile(join(folder, "main.mjs"), `${code[0].replace("cft_…", TOKEN)}\nconsole.log(decision.code);`);
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: folder });
  assert.equal(stdout, "VALID\n");
});

test("in a page, fetched", { skip: !process.env.CHROMIUM && "there is no Chromium" }, async (t) => {
  const folder = await folderOf(t);
  await writeFile(join(folder, "main.js"), `${code[1]}\nglobalThis.gate = gate;`);
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html>
    <script type="importmap">{ "imports": { "@counterfoil/verify": "/node_modules/@counterfoil/verify/web.js" } }</script>
    <script type="module" src="/main.js"></script>`,
  );
  const tab = await (await launch(t)).newPage();
  await tab.goto(await serve(t, folder));
  await tab.waitForFunction(() => globalThis.gate);
  const decided = await tab.evaluate((text) => globalThis.gate.verify(text, { allOf: ["orders:read"] }), TOKEN);
  assert.equal(decided.code, "VALID");
});

test("the snapshot is refreshed only when it changes", async (t) => {
  const folder = await folderOf(t);
  // A fake deployment: its responses, and the ETag that it expects.
  const main = `${code[0].replace("cft_…", TOKEN)}
    const [file, keys, token] = [await readFile("acme.snapshot"), await read("acme.keys.json"), "of the host"];
    const asked = [];
    globalThis.fetch = async (url, { headers }) => {
      asked.push([new URL(url).pathname, headers["if-none-match"] ?? "nothing"]);
      if (asked.length === 3) return new Response(null, { status: 503 });
      return headers["if-none-match"] === '"1"' ? new Response(null, { status: 304 }) : new Response(file, { headers: { etag: '"1"' } });
    };
    ${code[2]}
    await refresh();
    await refresh();
    const failed = await refresh().catch(({ message }) => message);
    console.log(JSON.stringify({ asked, failed, etag }));`;
  await writeFile(join(folder, "main.mjs"), main);
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: folder });
  const path = "/v1/snapshot";
  const asked = [
    [path, "nothing"],
    [path, '"1"'],
    [path, '"1"'],
  ];
  assert.deepEqual(JSON.parse(stdout), { asked, failed: "no snapshot: 503", etag: '"1"' });
});
