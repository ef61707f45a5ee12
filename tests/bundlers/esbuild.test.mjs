// esbuild: every format, for Node and for pages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, PAGE, build, printed, project, shownIn } from "./harness.mjs";

for (const format of ["esm", "cjs"]) {
  test(`${format} for Node`, async (t) => {
    const folder = await project(t);
    const out = format === "esm" ? "out.mjs" : "out.cjs";
    await build(folder, "esbuild", "main.js", "--bundle", "--platform=node", `--format=${format}`, `--outfile=${out}`);
    assert.equal(await printed(folder, process.execPath, out), EXPECTED);
  });

  test(`${format} without a platform, in Node`, async (t) => {
    const folder = await project(t);
    const out = format === "esm" ? "out.mjs" : "out.cjs";
    await build(folder, "esbuild", "main.js", "--bundle", "--minify", `--format=${format}`, `--outfile=${out}`);
    assert.equal(await printed(folder, process.execPath, out), EXPECTED);
  });
}

test("in a page, as a module and as a script", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": PAGE("out.js") });
  await build(folder, "esbuild", "main.js", "--bundle", "--minify", "--format=esm", "--outfile=out.js");
  assert.equal(await shownIn(t, folder), EXPECTED);
  const other = await project(t, { "index.html": PAGE("out.js", "text/javascript") });
  await build(other, "esbuild", "main.js", "--bundle", "--minify", "--format=iife", "--outfile=out.js");
  assert.equal(await shownIn(t, other), EXPECTED);
});

test("in a page that loads the module as a file of its own", { skip: NO_PAGES }, async (t) => {
  const main = `
    import { Gate, init, inspect } from "@counterfoil/verify/bare";
    import place from "@counterfoil/verify/small.wasm";
    import { answer, print } from "./answer.js";
    print(answer({ Gate, init, inspect }, new URL(place, import.meta.url)));`;
  const folder = await project(t, { "bare.js": main, "index.html": PAGE("out.js") });
  await build(folder, "esbuild", "bare.js", "--bundle", "--format=esm", "--loader:.wasm=file", "--outfile=out.js");
  assert.equal(await shownIn(t, folder), EXPECTED);
});
