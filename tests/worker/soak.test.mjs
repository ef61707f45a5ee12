// `cargo xtask soak` in small: it runs and finds no violation. See tests/soak.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("twenty seconds of mixed load violate no invariant", async (t) => {
  const script = fileURLToPath(new URL("../soak/soak.mjs", import.meta.url));
  const { code, output } = await new Promise((resolve) => {
    execFile(process.execPath, [script, "--short"], (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, output: stdout + stderr });
    });
  });
  t.diagnostic(output);
  assert.equal(code, 0, output);
  const [, requests] = / ([\d,]+) requests in /.exec(output);
  assert.ok(Number(requests.replaceAll(",", "")) > 100, output);
});
