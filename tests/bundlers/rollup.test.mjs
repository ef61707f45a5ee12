// Rollup with its plugin that finds packages, which names no platform unless it is told to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, PAGE, build, printed, project, shownIn } from "./harness.mjs";

/** A configuration, with options of the plugin. */
const config = (options) => `
  import { nodeResolve } from "@rollup/plugin-node-resolve";
  export default { input: "main.js", external: /^node:/, plugins: [nodeResolve(${JSON.stringify(options)})] };`;

for (const [name, options] of Object.entries({
  "for Node": { exportConditions: ["node"] },
  "without a platform": {},
})) {
  for (const format of ["es", "cjs"]) {
    test(`${format} ${name}`, async (t) => {
      const folder = await project(t, { "rollup.config.mjs": config(options) });
      const out = format === "es" ? "out.mjs" : "out.cjs";
      await build(folder, "rollup", "--config", "--format", format, "--file", out);
      assert.equal(await printed(folder, process.execPath, out), EXPECTED);
    });
  }
}

test("in a page, as a script", { skip: NO_PAGES }, async (t) => {
  const page = PAGE("out.js", "text/javascript");
  const folder = await project(t, { "rollup.config.mjs": config({ browser: true }), "index.html": page });
  await build(folder, "rollup", "--config", "--format", "iife", "--file", "out.js");
  assert.equal(await shownIn(t, folder), EXPECTED);
});
