// `cargo xtask soak` in small: that it runs, and finds nothing wrong. See tests/soak.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("twenty seconds of mixed load: no answer is wrong, and all that must be so afterwards is", async (t) => {
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
