// docs/api.md, as a reader would follow it: its shell blocks run in their order, and answer what stands below them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";

const read = (name) => readFile(new URL(`../../${name}`, import.meta.url), "utf8");
const page = await read("docs/api.md");

/** Each shell block with the answer that is shown below it. */
const STEPS = [...page.matchAll(/^```sh\n(.*?)^```\n(?:```json\n(.*?)^```\n)?/gms)].map(([, script, answer]) => ({
  script,
  answer,
}));

/** Stands between the outputs of two blocks. */
const NEXT = "\u0000";

test("the tour of the API answers what it says", async (t) => {
  assert.ok(STEPS.length > 10, "the page's blocks are found");
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  // One shell for all: a block uses what those before it have set.
  const script = STEPS.map(({ script }) => `${script}\nprintf '\\0'\n`).join("");
  const env = { ...process.env, HOST: app.url.origin, ADMIN: admin.token };
  // What a block downloads goes with the deployment.
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { env, cwd: app.storage });
  const outputs = stdout.split(NEXT);
  for (const [step, { script, answer }] of STEPS.entries()) {
    assert.match(outputs[step].trim(), pattern(answer ?? ""), `after:\n${script}`);
  }
});

test("the table of routes has every route and no other", async () => {
  const { paths } = JSON.parse(await read("openapi.json"));
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const listed = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route);
  assert.deepEqual(listed.toSorted(), served.toSorted());
});

/** What an answer must look like: as it is shown, but for line breaks, and for what `…` stands for. */
function pattern(shown) {
  const pieces = shown.trim().split(/\n */).join("").split("…");
  const literal = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${literal.join("[^]*?")}$`);
}
