// For Cloudflare Workers: the module is compiled at deployment and instantiated when this file is imported.
import * as workers from "cloudflare:workers";
import module from "./module.wasm";
import { instantiate } from "./instantiate.js";
import { writeCharacters } from "./verifier.js";

instantiate(module, {
  write: writeCharacters,
  // Cloudflare sets this header, and clients cannot.
  clientAddress: ({ headers }) => headers?.get?.("CF-Connecting-IP") ?? undefined,
  // Work after the response is otherwise cancelled.
  background: (work) => workers.waitUntil?.(work),
  // A request that waits for I/O of another request hangs if that one is cancelled.
  sharesPromises: false,
});

export async function init() {}
export * from "./api.js";
