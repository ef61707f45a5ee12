// Loads the WebAssembly module from whatever init() is given.
import { instantiate } from "./instantiate.js";
import { isLoaded } from "./verifier.js";

/** Compiles a module at once, as only server runtimes may. */
export function compile(bytes) {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    throw explained(error);
  }
}

/**
 * Loads the module, unless one is loaded already.
 *
 * @param {string | URL | Request | Response | BufferSource | WebAssembly.Module} source the URL of the module, a request
 *   for it, a response with it, its bytes, or the compiled module
 */
export async function load(source) {
  if (isLoaded()) return;
  const isPlace = typeof source === "string" || source instanceof URL || source instanceof Request;
  // Values of other realms and polyfills are no instances of this realm's classes.
  const found = /** @type {any} */ (isPlace ? await fetch(source) : await source);
  if (found === undefined) throw new TypeError("init() of this entry point takes the WebAssembly module, or its URL");
  if (found.ok === false)
    throw new Error(`the WebAssembly module could not be loaded from ${found.url}: status ${found.status}`);
  const isResponse = typeof found.arrayBuffer === "function";
  const isModule = Object.prototype.toString.call(found) === "[object WebAssembly.Module]";
  instantiate(isModule ? found : await compiled(isResponse ? await found.arrayBuffer() : found));
}

async function compiled(bytes) {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw explained(error);
  }
}

/** Engines describe a missing feature, and a policy that forbids WebAssembly, in terms of their own. */
function explained(error) {
  if (!(error instanceof WebAssembly.CompileError)) return error;
  const causes =
    "without WebAssembly SIMD, give small.wasm to init() of @counterfoil/verify/bare; " +
    "with a Content-Security-Policy, script-src needs 'wasm-unsafe-eval'";
  return new Error(`the WebAssembly module cannot be compiled (${causes}): ${error.message}`, { cause: error });
}
