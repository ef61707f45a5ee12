// The runtimes that import the package as it is, and the bundlers that belong to them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { worker } from "../package/worker.mjs";
import { EXPECTED, NO_PAGES, PAGE, printed, project, runtime, shownIn } from "./harness.mjs";

const bun = await runtime("@oven", "bin/bun");
const deno = await runtime("@deno", "deno");

test("Node, by import", async (t) => {
  assert.equal(await printed(await project(t), process.execPath, "main.js"), EXPECTED);
});

test("Node, by require()", { skip: !process.features.require_module && "this Node cannot" }, async (t) => {
  const main = `
    const { Gate, init, inspect } = require("@counterfoil/verify");
    const { answer, print } = require("./answer.js");
    print(answer({ Gate, init, inspect }));`;
  assert.equal(await printed(await project(t, { "main.cjs": main }), process.execPath, "main.cjs"), EXPECTED);
});

test("Bun", async (t) => {
  assert.equal(await printed(await project(t), bun, "main.js"), EXPECTED);
});

for (const [target, program] of Object.entries({ bun, node: process.execPath })) {
  test(`bun build for ${target}`, async (t) => {
    const folder = await project(t);
    await printed(folder, bun, "build", "main.js", `--target=${target}`, "--outfile=out.mjs");
    assert.equal(await printed(folder, program, "out.mjs"), EXPECTED);
  });
}

test("bun build for a page", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": PAGE("out.js") });
  await printed(folder, bun, "build", "main.js", "--target=browser", "--minify", "--outfile=out.js");
  assert.equal(await shownIn(t, folder), EXPECTED);
});

test("Deno", async (t) => {
  assert.equal(await printed(await project(t), deno, "run", "--node-modules-dir=manual", "main.js"), EXPECTED);
});

test("workerd, bundled as wrangler does", async (t) => {
  const code = `
    import { Gate, init, inspect } from "@counterfoil/verify";
    import { answer } from "./answer.js";
    export default { fetch: async () => new Response(await answer({ Gate, init, inspect })) };`;
  const miniflare = await worker(t, await project(t), code);
  assert.equal(await (await miniflare.dispatchFetch("http://localhost/")).text(), EXPECTED);
});
