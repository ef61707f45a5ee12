// Instantiates the compiled WebAssembly module. Edge functions load this file, so it compiles nothing: they may not.
import { initSync } from "./glue.js";
import { start, writeEncoded } from "./verifier.js";

/** The settings of most platforms: see `start`. */
const PLATFORM = { write: writeEncoded };

/** If there is an instance already, it stays. */
export function instantiate(module, platform = PLATFORM) {
  start(initSync({ module }), platform);
}
