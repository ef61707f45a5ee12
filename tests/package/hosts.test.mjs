// The packed package in each supported host: each runs the same vectors with the same results.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { launch } from "../browser/browser.mjs";
import { answerRecord, encode } from "../vectors/layout.mjs";
import { install, run, serve, tool } from "./installed.mjs";
import { worker } from "./worker.mjs";

const vectors = async (name) => JSON.parse(await readFile(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
const FOREIGN = "ghp_somebody-elses-token";
const DIGEST = createHash("sha256").update(FOREIGN).digest("hex");

/** The input of every host, as JSON. */
let questions;
/** The expected results: of the token values in full, of the cases the codes. */
let expected;

before(async () => {
  const { valid, foreign, malformed } = await vectors("token.json");
  const { cases } = await vectors("decisions.json");
  const { public_key: x, snapshots, refused } = await vectors("snapshots.json");
  const offline = await vectors("offline.json");
  questions = {
    texts: [...valid, ...foreign, ...malformed].map(({ text }) => text),
    cases: cases.map((given) => ({
      text: FOREIGN,
      demand: demandOf(given.demand),
      address: given.demand.address ?? undefined,
      now: given.now,
      answers: Object.fromEntries(given.demand.workspaces.map((key) => [key, [...answer(given, key)]])),
    })),
    snapshots: {
      keys: { keys: [{ kty: "RSA", n: "AQAB" }, publicJwk(STRANGER), publicJwk(x)] },
      strangers: [publicJwk(STRANGER)],
      workspace: offline.workspace,
      // It is valid then.
      now: snapshots[0].as_of,
      files: [...snapshots, ...refused].map(({ bytes }) => bytes),
      cases: offline.cases.map(({ snapshot, text, all_of: allOf, address, now }) => ({
        snapshot,
        text,
        allOf,
        address: address ?? undefined,
        now,
      })),
    },
  };
  expected = {
    kinds: [
      ...valid.map(({ prefix, workspace, digest }) => ({ kind: "ours", prefix, workspace, digest })),
      ...foreign.map(({ digest }) => ({ kind: "foreign", digest })),
      ...malformed.map(() => ({ kind: "malformed" })),
    ],
    codes: cases.map(({ token, owner, code }) => (token.owner === owner.number ? code : "UNAVAILABLE")),
    loaded: [
      ...snapshots.map(({ workspace, as_of: asOf, expires_at: expiresAt }) => ({ workspace, asOf, expiresAt })),
      ...refused.map(refusalOf),
    ],
    // An unverifiable signature is rejected.
    untrusted: [
      ...snapshots.map(() => "UNTRUSTED"),
      ...refused.map(refusalOf).map((code) => (READABLE.has(code) ? "UNTRUSTED" : code)),
    ],
    offline: offline.cases.map(({ code }) => code),
  };
});

/** The public key of the second example in RFC 8032, which has signed none of them. */
const STRANGER = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

const publicJwk = (hex) => ({
  kty: "OKP",
  crv: "Ed25519",
  x: Buffer.from(hex, "hex").toString("base64url"),
  use: "sig",
});

/**
 * The expected error of files that are not snapshots: the format is checked first, then the signature, then everything
 * else.
 */
function refusalOf({ why, bytes, error }) {
  const isNone = bytes.length < 2 * 120 || why === "an unknown kind" || why === "an invalid workspace key";
  if (isNone) return "NOT_A_SNAPSHOT";
  return { SIGNATURE: "UNTRUSTED", UNKNOWN_FORMAT: "UNKNOWN_FORMAT" }[error] ?? "MALFORMED";
}

/** The expected error of files that claim this format. */
const READABLE = new Set(["UNTRUSTED", "MALFORMED"]);

function demandOf({ workspaces, all_of: allOf, any_of: anyOf }) {
  return { workspaces, allOf, anyOf, freshness: "strong" };
}

/** The response of the ledger `key`, which knows one third-party token if it is the case's. */
function answer({ token, owner, workspace, now }, key) {
  const here = key === workspace.key;
  const header = { key, as_of: now, generation: 1, workspace: here ? workspace : null, seal_keys: [], owners: [owner] };
  return encode("a", answerRecord({ ...header, tokens: [[DIGEST, here ? token : null]] }));
}

function confirm({ texts, decisions, loaded, untrusted, offline }) {
  assert.equal(texts.length, expected.kinds.length);
  texts.forEach((result, at) => {
    const { digest, reason, ...kind } = result;
    const wanted = expected.kinds[at];
    assert.deepEqual("digest" in wanted ? result : kind, wanted);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.equal(typeof reason, result.kind === "malformed" ? "string" : "undefined");
  });
  assert.deepEqual(
    decisions.map(({ code }) => code),
    expected.codes,
  );
  assert.ok(decisions.every(({ valid, code }) => valid === (code === "VALID")));
  assert.deepEqual(loaded, expected.loaded);
  assert.deepEqual(untrusted, expected.untrusted);
  assert.deepEqual(offline, expected.offline);
}

test("in Node", async (t) => {
  const { folder } = await install(t);
  await copyFile(new URL("replay.mjs", import.meta.url), join(folder, "replay.mjs"));
  await writeFile(join(folder, "questions.json"), JSON.stringify(questions));
  await writeFile(
    join(folder, "main.mjs"),
    `
    import { readFileSync } from "node:fs";
    import { replay } from "./replay.mjs";
    console.log(JSON.stringify(await replay(JSON.parse(readFileSync("questions.json", "utf8")))));`,
  );
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: folder });
  confirm(JSON.parse(stdout));
});

test("in Node, with the module that a caller loads", async (t) => {
  const { folder } = await install(t);
  const replay = await readFile(new URL("replay.mjs", import.meta.url), "utf8");
  await writeFile(join(folder, "replay.mjs"), replay.replace('"@counterfoil/verify"', '"@counterfoil/verify/bare"'));
  await writeFile(join(folder, "questions.json"), JSON.stringify(questions));
  const main = (source) => `
    import { readFileSync } from "node:fs";
    import { fileURLToPath } from "node:url";
    import { init, inspect } from "@counterfoil/verify/bare";
    import { replay } from "./replay.mjs";
    const place = new URL(import.meta.resolve("@counterfoil/verify/small.wasm"));
    try { inspect(""); } catch ({ message }) { console.error(message); }
    await init().catch(({ message }) => console.error(message));
    await init(${source});
    console.log(JSON.stringify(await replay(JSON.parse(readFileSync("questions.json", "utf8")))));`;
  for (const source of [
    "readFileSync(place)",
    "new WebAssembly.Module(readFileSync(place))",
    "Promise.resolve(new Response(readFileSync(place)))",
    'new URL("data:application/wasm;base64," + readFileSync(place).toString("base64"))',
  ]) {
    await writeFile(join(folder, "main.mjs"), main(source));
    const { stdout, stderr } = await run(process.execPath, ["main.mjs"], { cwd: folder });
    confirm(JSON.parse(stdout));
    assert.match(
      stderr,
      /^not initialised: call await init\(\) first\ninit\(\) of this entry point takes the WebAssembly module/,
    );
  }
});

test("without WebAssembly SIMD only the small module runs, and the other says so", async (t) => {
  const { folder } = await install(t);
  // Wasm SIMD needs this feature of the processor.
  const without = process.arch === "x64" ? "--no-enable-sse4-1" : "";
  if (without === "") return t.skip("V8 has a switch for x64 only");
  const small = `
    import { readFileSync } from "node:fs";
    import { digest, init } from "@counterfoil/verify/bare";
    await init(readFileSync(new URL(import.meta.resolve("@counterfoil/verify/small.wasm"))));
    console.log(digest("a"));`;
  await writeFile(join(folder, "small.mjs"), small);
  await writeFile(join(folder, "fast.mjs"), 'import "@counterfoil/verify";');
  const { stdout } = await run(process.execPath, [without, "small.mjs"], { cwd: folder });
  assert.equal(stdout, `${createHash("sha256").update("a").digest("hex")}\n`);
  await assert.rejects(
    run(process.execPath, [without, "fast.mjs"], { cwd: folder }),
    /cannot be compiled \(without WebAssembly SIMD, give small.wasm to init\(\) of @counterfoil\/verify\/bare/,
  );
});

test("in a bundled Worker", async (t) => {
  const { folder } = await install(t);
  await copyFile(new URL("replay.mjs", import.meta.url), join(folder, "replay.mjs"));
  const miniflare = await worker(
    t,
    folder,
    `
    import { replay } from "./replay.mjs";
    export default { fetch: async (request) => Response.json(await replay(await request.json())) };`,
  );
  const asked = await miniflare.dispatchFetch("http://localhost/", { method: "POST", body: JSON.stringify(questions) });
  confirm(await asked.json());
});

test("in a page", { skip: !process.env.CHROMIUM && "there is no Chromium" }, async (t) => {
  const { folder } = await install(t);
  const page = `<!doctype html>
    <script type="importmap">{ "imports": { "@counterfoil/verify": "/node_modules/@counterfoil/verify/web.js" } }</script>
    <script type="module">
      import { init } from "@counterfoil/verify";
      import { replay } from "/replay.mjs";
      Object.assign(globalThis, { init, replay });
    </script>`;
  await copyFile(new URL("replay.mjs", import.meta.url), join(folder, "replay.mjs"));
  await writeFile(join(folder, "index.html"), page);
  const tab = await (await launch(t)).newPage();
  await tab.goto(await serve(t, folder));
  await tab.waitForFunction(() => globalThis.replay);
  const loading = tab.evaluate(() => globalThis.init("/elsewhere.wasm"));
  await assert.rejects(loading, /the WebAssembly module could not be loaded from .*\/elsewhere.wasm: status 404/);
  confirm(await tab.evaluate((given) => globalThis.replay(given), questions));
});

// --- package linters and types

test("publint and arethetypeswrong report no problems", async (t) => {
  const { tarball } = await install(t);
  await run(tool("publint"), ["run", tarball, "--strict"]);
  // Only for `import`: require() of ES modules was added in the course of Node 20.
  await run(tool("attw"), [tarball, "--profile", "esm-only"]);
});

test("strict TypeScript accepts valid uses and rejects invalid ones", async (t) => {
  const { folder } = await install(t, ["hono", "express", "@types"]);
  const options = {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "dom", "dom.iterable"],
    types: ["node"],
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["example.ts"] }));
  await copyFile(new URL("types/example.ts", import.meta.url), join(folder, "example.ts"));
  await run(tool("tsc"), ["-p", folder], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
});
