import type { ModuleSource } from "./index.js";

export * from "./index.js";

/**
 * Loads the WebAssembly module: `@counterfoil/verify/small.wasm`, or `module.wasm` where the runtime has WebAssembly SIMD.
 * The first one stays; another call changes nothing. On Cloudflare Workers the module is loaded already.
 */
export function init(source: ModuleSource | Promise<ModuleSource>): Promise<void>;
