// For browsers and bundlers: init() fetches the module.
import { initSync } from "./glue.js";
import { start, writeEncoded } from "./verifier.js";

/**
 * @param {string | URL | Request | Response | BufferSource | WebAssembly.Module} [source] the URL of the module, a
 *   request for it, a response with it, its bytes, or the compiled module; default: beside this file
 */
export async function init(source = new URL("./glue_bg.wasm", import.meta.url)) {
  const isPlace = typeof source === "string" || source instanceof URL || source instanceof Request;
  const found = isPlace ? await fetch(source) : await source;
  // Recognised by its fields, since it may be a Response of another realm or of a polyfill.
  const answer = /** @type {Response} */ (found);
  if (answer.ok === false)
    throw new Error(`the WebAssembly module could not be loaded from ${answer.url}: status ${answer.status}`);
  const bytes = found instanceof Response ? await found.arrayBuffer() : found;
  const module = bytes instanceof WebAssembly.Module ? bytes : await WebAssembly.compile(bytes);
  start(initSync({ module }), { write: writeEncoded });
}
export * from "./api.js";
