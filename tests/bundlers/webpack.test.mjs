// webpack, for Node and for pages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, PAGE, printed, project, shownIn } from "./harness.mjs";

/** A script that builds. */
const building = (options) => `
  import webpack from "webpack";
  const options = { context: import.meta.dirname, mode: "production", devtool: false, ...${JSON.stringify(options)} };
  options.output = { path: import.meta.dirname, filename: "out.js", ...options.output };
  webpack(options, (error, stats) => {
    if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString());
  });`;

test("CommonJS for Node", async (t) => {
  const options = { entry: "./main.js", target: "node20", output: { filename: "out.cjs" } };
  const folder = await project(t, { "build.mjs": building(options) });
  await printed(folder, process.execPath, "build.mjs");
  assert.equal(await printed(folder, process.execPath, "out.cjs"), EXPECTED);
});

test("an ES module for Node", async (t) => {
  const output = { filename: "out.mjs", module: true, chunkFormat: "module" };
  const options = { entry: "./main.js", target: "node20", experiments: { outputModule: true }, output };
  const folder = await project(t, { "build.mjs": building(options) });
  await printed(folder, process.execPath, "build.mjs");
  assert.equal(await printed(folder, process.execPath, "out.mjs"), EXPECTED);
});

test("in a page", { skip: NO_PAGES }, async (t) => {
  const options = { entry: "./main.js", target: "web" };
  const page = PAGE("out.js", "text/javascript");
  const folder = await project(t, { "build.mjs": building(options), "index.html": page });
  await printed(folder, process.execPath, "build.mjs");
  assert.equal(await shownIn(t, folder), EXPECTED);
});

test("in a page that loads the module as a file of its own", { skip: NO_PAGES }, async (t) => {
  const main = `
    import { Gate, init, inspect } from "@counterfoil/verify/bare";
    import { answer, print } from "./answer.js";
    print(answer({ Gate, init, inspect }, new URL("@counterfoil/verify/small.wasm", import.meta.url)));`;
  const options = { entry: "./bare.js", target: "web" };
  const page = PAGE("out.js", "text/javascript");
  const folder = await project(t, { "bare.js": main, "build.mjs": building(options), "index.html": page });
  await printed(folder, process.execPath, "build.mjs");
  assert.equal(await shownIn(t, folder), EXPECTED);
});
