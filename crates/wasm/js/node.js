// For Node, Deno and Bun: the module is instantiated when this file is imported. It is imported as text and not read from a
// file, which a bundler might leave behind.
import { inflateRawSync } from "node:zlib";
import { instantiate } from "./instantiate.js";
import { compile } from "./load.js";
import module from "./module.wasm.js";

instantiate(compile(inflateRawSync(Buffer.from(module, "base64"))));

export async function init() {}
export * from "./api.js";
