// What every entry point exports, besides init().
export { CODES, InvalidDemandError, Verifier, codeOf, digest, inspect, isPending, isValid } from "./verifier.js";
