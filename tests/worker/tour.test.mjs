// Runs the shell blocks of docs/api.md in order and compares their output with the documented responses.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { follow, steps } from "./shell.mjs";

const read = (name) => readFile(new URL(`../../${name}`, import.meta.url), "utf8");
const page = await read("docs/api.md");

const STEPS = steps(page);

test("the examples of docs/api.md return the documented responses", async (t) => {
  assert.ok(STEPS.length > 10, "the page's blocks are found");
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  const env = { ...process.env, HOST: app.url.origin, ADMIN: admin.token };
  // Files that a block downloads are deleted with the deployment.
  await follow(STEPS, { env, cwd: app.storage });
});

test("docs/api.md lists exactly the API's routes", async () => {
  const { paths } = JSON.parse(await read("openapi.json"));
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const listed = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route);
  assert.deepEqual(listed.toSorted(), served.toSorted());
});
