// Without a module of its own: init() takes one.
export * from "./api.js";
export { load as init } from "./load.js";
