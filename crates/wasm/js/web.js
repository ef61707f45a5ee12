// For browsers, and wherever no other entry point is chosen: init() compiles the small module, which this file imports as
// text. So every bundler includes it, and nothing is fetched.
import { load } from "./load.js";
import small from "./small.wasm.js";

/**
 * @param {string | URL | Request | Response | BufferSource | WebAssembly.Module} [source] another module, as `load`
 *   takes it
 */
export const init = (source = inflated(small)) => load(source);

/** A response with the module's bytes, from base64 of raw DEFLATE. */
function inflated(text) {
  const deflated = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw")));
}

export * from "./api.js";
