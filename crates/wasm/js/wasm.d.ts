/** A Worker's bundler gives the compiled module; others may give its URL or its bytes. `init` takes each of these. */
declare const module: WebAssembly.Module;
export default module;
