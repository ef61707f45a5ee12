// Pages with a Content-Security-Policy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPECTED, NO_PAGES, build, project, shownIn } from "./harness.mjs";

const page = (scripts) => `<!doctype html><meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${scripts}">
  <body><script type="module" src="out.js"></script>`;

test("a policy must allow WebAssembly, and nothing else", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": page("'self' 'wasm-unsafe-eval'") });
  await build(folder, "esbuild", "main.js", "--bundle", "--format=esm", "--outfile=out.js");
  assert.equal(await shownIn(t, folder), EXPECTED);
});

test("without it, the error says what the policy needs", { skip: NO_PAGES }, async (t) => {
  const folder = await project(t, { "index.html": page("'self'") });
  await build(folder, "esbuild", "main.js", "--bundle", "--format=esm", "--outfile=out.js");
  assert.match(
    await shownIn(t, folder),
    /^failed: .* with a Content-Security-Policy, script-src needs 'wasm-unsafe-eval'/,
  );
});
