// Small programs with the installed package, which other tools build and run.
//
// Not tested: `deno bundle`, which downloads its bundler itself; Vite 8.4.0, which names a package that the registry lacks,
// so package.json has the version before it; browsers other than Chromium; and edge hosts other than workerd and the edge
// runtime of Next.js. wrangler itself bundles the examples in tests/examples.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/browser.mjs";
import { install, run, serve } from "../package/installed.mjs";

/** The folder with the node_modules of package.json. */
const TOOLS = process.env.COUNTERFOIL_BUNDLERS;

const vector = async (name) => JSON.parse(await readFile(new URL(`../vectors/${name}`, import.meta.url), "utf8"));

const { cases } = await vector("offline.json");
const { public_key: x, snapshots } = await vector("snapshots.json");
const { snapshot, now } = cases[0];
const asked = cases.filter((given) => given.snapshot === snapshot && given.now === now && !given.address);

/** The tokens and the snapshot that `program/answer.js` reads. */
const DATA = {
  file: snapshots[snapshot].bytes,
  now,
  keys: [{ kty: "OKP", crv: "Ed25519", x: Buffer.from(x, "hex").toString("base64url") }],
  cases: asked.map(({ text, all_of: allOf }) => ({ text, allOf })),
  ours: (await vector("token.json")).valid[0].text,
};

/** What each program prints. */
export const EXPECTED = `${asked.map(({ code }) => code)} ours`;

/** Why tests of pages are skipped; `false` if they run. */
export const NO_PAGES = !process.env.CHROMIUM && "there is no Chromium";

/** The package, installed once for all tests of a file. */
const { folder: installed } = await install({ after }, [], TOOLS);

/**
 * A new folder with the package installed, the files of `program`, and further ones. It exists until the test ends.
 *
 * @param {Record<string, string>} [files] contents by name
 */
export async function project(t, files = {}) {
  const folder = await mkdtemp(join(TOOLS, "program-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(installed, folder, { recursive: true });
  await cp(fileURLToPath(new URL("program", import.meta.url)), folder, { recursive: true });
  await writeFile(join(folder, "data.js"), `export default ${JSON.stringify(DATA)};`);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** A tool of package.json: its name in node_modules/.bin. */
export const tool = (name) => join(TOOLS, "node_modules/.bin", name);

/** A runtime whose binary is in a package of its own for each platform. No install script links it. */
export async function runtime(scope, path) {
  const folder = join(TOOLS, "node_modules", scope);
  const [platform] = await readdir(folder);
  return join(folder, platform, path);
}

const ENVIRONMENT = { ...process.env, NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1", DENO_NO_UPDATE_CHECK: "1" };

/** Runs a program in a folder and returns what it prints. */
export async function printed(folder, program, ...options) {
  const { stdout } = await run(program, options, { cwd: folder, env: ENVIRONMENT });
  return stdout.trim();
}

/** Builds with a tool of package.json. What it prints is in the error, if it fails. */
export async function build(folder, name, ...options) {
  try {
    await printed(folder, tool(name), ...options);
  } catch (error) {
    throw new Error(`${name} failed:\n${error.stdout}\n${error.stderr}`);
  }
}

/** Starts a server of a tool on a free port until the test ends, and returns its URL. */
export async function served(t, folder, name, options) {
  const port = await freePort();
  const server = spawn(tool(name), [...options, "--port", `${port}`], { cwd: folder, env: ENVIRONMENT });
  let log = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => (log += text));
  const ended = once(server, "exit");
  t.after(async () => {
    server.kill();
    await ended;
  });
  const url = `http://localhost:${port}/`;
  for (let tries = 0; tries < 300; tries += 1) {
    if (server.exitCode !== null) break;
    if (await fetch(url).catch(() => undefined)) return url;
    await sleep(100);
  }
  throw new Error(`${name} does not serve:\n${log}`);
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** A page with this script. */
export const PAGE = (script, type = "module") =>
  `<!doctype html><meta charset="utf-8"><body><script type="${type}" src="${script}"></script>`;

/** The first line that a page writes to the console. Errors that it throws count, too. */
export async function shown(t, url) {
  const page = await (await launch(t)).newPage();
  const line = new Promise((resolve) => {
    page.on("pageerror", (error) => resolve(`thrown: ${error}`));
    // Development servers write messages of other types.
    page.on("console", (message) => message.type() === "log" && resolve(message.text()));
  });
  await page.goto(url);
  return Promise.race([line, sleep(20_000, "nothing", { ref: false })]);
}

/** The same of a page in a folder, `index.html`. */
export const shownIn = async (t, folder) => shown(t, await serve(t, folder));
