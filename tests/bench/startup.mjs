// The startup time of the worker, measured by wrangler's check: the platform rejects a worker that takes longer than a
// second.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BUNDLE } from "../../xtask/js/runtime.mjs";
import { median, number, print, verdict } from "./measure.mjs";

const ROUNDS = 5;

/** The budget of this deployment, in milliseconds; the platform allows a thousand. */
const BUDGET = 150;

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "counterfoil-startup-"));
try {
  // wrangler.toml without its build step, which has run, and without bindings, which do not affect startup.
  const [, date] = /compatibility_date = "(.+)"/.exec(await readFile(join(root, "wrangler.toml"), "utf8"));
  const config = { name: "startup", main: join(BUNDLE, "index.js"), compatibility_date: date, no_bundle: true };
  const [file, profile] = [join(folder, "wrangler.json"), join(folder, "startup.cpuprofile")];
  await writeFile(file, JSON.stringify(config));
  const environment = { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  const took = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await run(join(root, "node_modules/.bin/wrangler"), ["check", "startup", "--config", file, "--outfile", profile], {
      cwd: folder,
      env: environment,
    });
    took.push(busy(JSON.parse(await readFile(profile, "utf8"))));
  }
  const typical = median(took);
  if (!(typical > 0)) throw new Error("wrangler's profile does not include the startup");
  print(
    `startup time of the worker, by wrangler check startup; median of ${ROUNDS}`,
    ["", "ms", "budget"],
    [["the deployed bundle", number(typical, 1), verdict(typical, { most: BUDGET })]],
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The milliseconds of a profile in which the worker was not idle. */
function busy({ nodes, samples, timeDeltas }) {
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id));
  const spent = samples.map((id, at) => (idle.has(id) ? 0 : timeDeltas[at]));
  return spent.reduce((sum, delta) => sum + delta, 0) / 1_000;
}
