// The installed package in a small Worker on workerd.

import { extname, join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

/**
 * Runs a Worker until the test `t` ends.
 *
 * @param folder where the package is installed: see `install`
 * @param code of the Worker's module
 * @param options Miniflare's
 */
export async function worker(t, folder, code, options = {}) {
  const outdir = join(folder, "bundle");
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    format: "esm",
    // As wrangler bundles.
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    outdir,
    write: false,
  });
  const module = ({ path, contents, text }) =>
    extname(path) === ".wasm" ? { type: "CompiledWasm", path, contents } : { type: "ESModule", path, contents: text };
  const modules = outputFiles
    .map(module)
    .sort((one, other) => one.type.localeCompare(other.type))
    .reverse();
  const miniflare = new Miniflare({ modules, modulesRoot: outdir, compatibilityDate: "2026-04-01", ...options });
  t.after(() => miniflare.dispose());
  return miniflare;
}
