// Runs code of the package's users as they do: the package from its tarball, bundled by wrangler, on workerd.

import { cp, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { install, run } from "../package/installed.mjs";

// Disables wrangler's telemetry; it reads these when it is loaded.
process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
const { Miniflare } = await import("miniflare");

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WRANGLER = join(ROOT, "node_modules/wrangler/bin/wrangler.js");

/**
 * A separate folder with the package installed and a project in it; removed after the tests of the file.
 *
 * @param files a folder of this repository, or file contents by name
 * @param frameworks further packages that the project uses, from this repository's node_modules
 * @param t what removes it instead
 */
export async function project(files, frameworks = [], t = { after }) {
  const { folder } = await install(t, frameworks);
  if (typeof files === "string") await cp(join(ROOT, files), folder, { recursive: true });
  else for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Bundles the Worker of a project as `wrangler deploy` does, and returns its options for Miniflare. */
export async function bundled(code) {
  const out = await mkdtemp(join(code, "out-"));
  await run(process.execPath, [WRANGLER, "deploy", "--dry-run", "--outdir", out], { cwd: code });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(code, "wrangler.toml"));
  const names = (await readdir(out)).filter((name) => /\.(js|wasm)$/.test(name));
  // The entry comes first.
  names.sort((one, other) => (other === "index.js") - (one === "index.js"));
  const modules = names.map(async (name) => ({
    type: name.endsWith(".js") ? "ESModule" : "CompiledWasm",
    path: join(out, name),
    contents: await readFile(join(out, name)),
  }));
  return { ...workerOptions, name: "example", modulesRoot: out, modules: await Promise.all(modules) };
}

/**
 * Runs a bundled Worker until the test ends.
 *
 * @param bindings bindings that extend or replace those of its wrangler.toml
 * @returns its URL, its log output, and its registry
 * @throws Error with its log output, if it does not start
 */
export async function running(t, { serviceBindings, kvNamespaces, ...worker }, bindings, { registry = false } = {}) {
  const log = [];
  const ended = [];
  const miniflare = new Miniflare({
    ...worker,
    bindings: { ...worker.bindings, ...bindings.variables },
    serviceBindings: bindings.services ?? {},
    kvNamespaces: registry ? { REGISTRY: "registry" } : {},
    // Without Miniflare's own Worker in front, so requests arrive unchanged.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    handleRuntimeStdio: (...streams) => {
      for (const stream of streams) {
        stream.setEncoding("utf8").on("data", (chunk) => log.push(chunk));
        ended.push(finished(stream));
      }
    },
  });
  try {
    await miniflare.ready;
  } catch {
    await Promise.all(ended);
    // Frees its resources, and then fails again with the same error.
    await miniflare.dispose().catch(() => {});
    throw new Error(log.join(""));
  }
  t.after(() => miniflare.dispose());
  return {
    url: await miniflare.unsafeGetDirectURL("example"),
    said: () => log.join(""),
    registry: () => miniflare.getKVNamespace("REGISTRY"),
  };
}
