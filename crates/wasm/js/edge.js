// For edge functions of Next.js: they may only instantiate modules that the bundler compiled.
import { instantiate } from "./instantiate.js";
import { writeEncoded } from "./verifier.js";
import module from "./module.wasm?module";

instantiate(module, {
  write: writeEncoded,
  // A host may end the I/O of a request when that request is answered or cancelled.
  sharesPromises: false,
});

export async function init() {}
export * from "./api.js";
