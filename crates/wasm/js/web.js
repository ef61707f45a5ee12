// For browsers and their bundlers: the module is fetched by init().
import load from "./glue.js";
import { start, writeEncoded } from "./verifier.js";

/** @param source where the module is, or its bytes; beside this file where not said */
export async function init(source = new URL("./glue_bg.wasm", import.meta.url)) {
  start(await load({ module_or_path: source }), { write: writeEncoded });
}
export * from "./api.js";
