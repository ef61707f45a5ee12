// docs/api.md, as a reader would follow it: its shell blocks run in their order, and answer what stands below them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { follow, steps } from "./shell.mjs";

const read = (name) => readFile(new URL(`../../${name}`, import.meta.url), "utf8");
const page = await read("docs/api.md");

const STEPS = steps(page);

test("the tour of the API answers what it says", async (t) => {
  assert.ok(STEPS.length > 10, "the page's blocks are found");
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  const env = { ...process.env, HOST: app.url.origin, ADMIN: admin.token };
  // What a block downloads goes with the deployment.
  await follow(STEPS, { env, cwd: app.storage });
});

test("the table of routes has every route and no other", async () => {
  const { paths } = JSON.parse(await read("openapi.json"));
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const listed = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route);
  assert.deepEqual(listed.toSorted(), served.toSorted());
});
