// Vite: its development server, and what it builds for pages and for Node.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, PAGE, build, printed, project, served, shown, shownIn } from "./harness.mjs";

test("the development server", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": PAGE("/main.js") });
  assert.equal(await shown(t, await served(t, folder, "vite", ["--strictPort"])), EXPECTED);
});

test("a page", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": PAGE("/main.js") });
  await build(folder, "vite", "build");
  assert.equal(await shownIn(t, join(folder, "dist")), EXPECTED);
});

test("a page that loads the module as a file of its own", { skip: NO_PAGES }, async (t) => {
  const main = `
    import { Gate, init, inspect } from "@counterfoil/verify/bare";
    import place from "@counterfoil/verify/small.wasm?url";
    import { answer, print } from "./answer.js";
    print(answer({ Gate, init, inspect }, place));`;
  const folder = await project(t, { "bare.js": main, "index.html": PAGE("/bare.js") });
  assert.equal(await shown(t, await served(t, folder, "vite", ["--strictPort"])), EXPECTED);
  await build(folder, "vite", "build");
  assert.equal(await shownIn(t, join(folder, "dist")), EXPECTED);
});

test("a program for Node, with the package in it", async (t) => {
  const config = 'export default { ssr: { noExternal: ["@counterfoil/verify"] } };';
  const folder = await project(t, { "vite.config.mjs": config });
  await build(folder, "vite", "build", "--ssr", "main.js");
  assert.equal(await printed(folder, process.execPath, "dist/main.js"), EXPECTED);
});
