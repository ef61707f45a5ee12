// For Node: the module is read from disk when this file is imported.
import { readFileSync } from "node:fs";
import { initSync } from "./glue.js";
import { start, writeEncoded } from "./verifier.js";

start(initSync({ module: readFileSync(new URL("./glue_bg.wasm", import.meta.url)) }), { write: writeEncoded });

export async function init() {}
export * from "./api.js";
