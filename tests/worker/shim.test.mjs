// The entry module with a wasm module that fails in ways Rust code does not: every exception becomes an error response.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const SHIM = fileURLToPath(new URL("../../crates/worker/js/shim.mjs", import.meta.url));

/** Replaces the module; the path selects the failure. A trap is thrown before the first suspension. */
const MODULE = `
export const __worker_init_state = () => ({ instanceId: 1 });
export const __wbg_reset_state = () => {};
export class Ledger {}
export function fetch(request, env, context) {
  context.passThroughOnException();
  const { pathname } = new URL(request.url);
  if (pathname === "/trap") throw new Error("unreachable");
  if (pathname === "/nothing") return Promise.reject();
  if (pathname === "/rejects") return Promise.reject(new Error("on purpose"));
  return Promise.resolve(new Response("served"));
}`;

test("every exception of the module becomes an error response", async (t) => {
  const stubs = {
    name: "stubs",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/(index\.js|identity\.mjs)$/ }, ({ path }) => ({ path, namespace: "stub" }));
      onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({ contents: path === "./index.js" ? MODULE : "" }));
    },
  };
  const {
    outputFiles: [{ text: script }],
  } = await build({
    entryPoints: [SHIM],
    bundle: true,
    format: "esm",
    external: ["cloudflare:workers"],
    plugins: [stubs],
    write: false,
  });
  const miniflare = new Miniflare({
    modules: true,
    script,
    compatibilityDate: "2026-04-01",
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
    outboundService: () => new Response("passed on"),
  });
  t.after(() => miniflare.dispose());
  for (const path of ["/rejects", "/nothing", "/trap"]) {
    const response = await miniflare.dispatchFetch(`http://counterfoil.example${path}`);
    const text = await response.text();
    assert.ok(text.startsWith("{"), `${path}: ${text}`);
    const problem = JSON.parse(text);
    assert.deepEqual([response.status, problem.status, problem.code], [503, 503, "INTERRUPTED"]);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(problem.request_id, response.headers.get("x-request-id"));
    assert.ok(!text.includes("on purpose"));
  }
  assert.equal(await (await miniflare.dispatchFetch("http://counterfoil.example/")).text(), "served");
});
