// The same checks inside workerd. Time is measured here, around requests of many checks each, minus a request without
// any.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Asker, Response, run } from "./drive.mjs";
import { compare, number } from "./measure.mjs";
import { rows } from "./subjects.mjs";
import { controlPlane, texts } from "./tokens.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Checks in one request: so many that the request itself is negligible. */
const TIMES = 100_000;

/** The Worker and the package, file by file, as wrangler bundles them. */
async function modules() {
  const code = (await readdir(join(root, "build/verify"))).filter((name) => /\.(js|wasm)$/.test(name));
  const files = ["tests/bench/worker.mjs", "tests/bench/subjects.mjs", ...code.map((name) => `build/verify/${name}`)];
  return files.map((file) => ({ type: file.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: join(root, file) }));
}

const given = texts();
const lease = controlPlane();
const worker = await run({
  name: "checks",
  compatibilityDate: "2026-04-26",
  modulesRoot: root,
  modules: await modules(),
  compatibilityFlags: ["nodejs_compat"],
  serviceBindings: { CONTROL_PLANE: async (request) => new Response(lease(await request.json())) },
});
const asker = new Asker(worker.url);
await asker.ask("/texts", { body: JSON.stringify(given) });

/** The milliseconds of a request with this much work. */
async function request(name, times) {
  const began = performance.now();
  const right = await asker.ask(`/${name}/${times}`);
  const took = performance.now() - began;
  if (String(right) !== String(times)) throw new Error(`${name} returned a wrong result`);
  return took;
}

const timed = (name) => async () => {
  const nothing = await request(name, 0);
  return ((await request(name, TIMES)) - nothing) * (1e6 / TIMES);
};

await compare({
  id: "workerd",
  title: `Checks of ${given.hot.length} hot tokens among ${number(given.digests.length)} records, inside workerd`,
  unit: "ns per check",
  rounds: 21,
  at: 0.1,
  subjects: rows(timed, { check: 0.13 }),
});

asker.close();
await worker.stop();
