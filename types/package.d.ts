// What the npm package imports that is not there as a file before it is built, or that its hosts have.

declare module "*/glue.js" {
  /** The module's own face, of crates/wasm/src/face.rs. */
  export class Verifier {
    constructor(memory: number, segments: boolean);
    input(): number;
    room(length: number): number;
    demand(): number;
    trust_seal_keys(now: number): boolean;
    load(now: number): number;
    inspect(): string;
    check(text: number, address: number, demand: number, now: number): number;
    seed(seed: number): void;
    need(answer: number, together: number): string;
    renew(answer: number, now: number): number;
    supply(answer: number, now: number): number;
    details(answer: number): string;
    free(): void;
  }

  export function initSync(source: { module: WebAssembly.Module | BufferSource }): { memory: WebAssembly.Memory };
}

declare module "*/module.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*/module.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}

/** Base64 of the raw DEFLATE of the module. */
declare module "*.wasm.js" {
  const text: string;
  export default text;
}

declare module "cloudflare:workers" {
  /** Missing in runtimes of before 2025. */
  export const waitUntil: undefined | ((work: Promise<unknown>) => void);
}

declare module "node:zlib" {
  export function inflateRawSync(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
}

declare const Buffer: { from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer> };
