// For Cloudflare Workers: the module is compiled at deployment and instantiated when this file is imported.
import * as workers from "cloudflare:workers";
import module from "./glue_bg.wasm";
import { initSync } from "./glue.js";
import { start, writeCharacters } from "./verifier.js";

start(initSync({ module }), {
  write: writeCharacters,
  // Cloudflare sets this header and lets no client do so.
  clientAddress: ({ headers }) => headers?.get?.("CF-Connecting-IP") ?? undefined,
  // Work that goes on when its request is answered, which is else cut off.
  background: (work) => workers.waitUntil?.(work),
  // A request that waits for another's I/O is never answered if that one is cut off.
  sharesPromises: false,
});

export async function init() {}
export * from "./api.js";
