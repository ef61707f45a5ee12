// The Worker on workerd, configured by wrangler.toml: for `cargo xtask dev` and for the tests.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Prevents both tools from sending requests to the internet. They read these variables when they are loaded.
process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const { unstable_getMiniflareWorkerOptions } = await import("wrangler");

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The folder of the deployed bundle. */
export const BUNDLE = join(root, "build/worker");
/** The folder of the same bundle with faults, for tests. */
export const FAULTY_BUNDLE = join(root, "build/worker-faults");

/**
 * Miniflare's options for a built bundle.
 *
 * @param {string} bundle its folder
 * @param {string} storage folder for KV and the objects' SQLite; managed by the caller
 * @param {Record<string, string>} bindings the deployment's secrets and variables
 * @param {string} [assets] folder of the static pages; default: the one in wrangler.toml
 */
export async function workerOptions(bundle, storage, bindings, assets) {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"), undefined, {
    overrides: { assets: assets && { directory: assets } },
  });
  const main = join(bundle, "index.js");
  return {
    ...workerOptions,
    name: "counterfoil",
    bindings: { ...workerOptions.bindings, ...bindings },
    modulesRoot: bundle,
    modules: [
      { type: "ESModule", path: main, contents: await readFile(main, "utf8") },
      { type: "CompiledWasm", path: join(bundle, "index_bg.wasm") },
    ],
    kvPersist: join(storage, "kv"),
    durableObjectsPersist: join(storage, "objects"),
  };
}
