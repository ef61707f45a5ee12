// What every entry point exports, besides init().
export { CODES } from "./contract.js";
export { Gate } from "./gate.js";
export { refusal } from "./refusal.js";
export { InvalidSnapshotError } from "./snapshot.js";
export { InvalidDemandError, Verifier, codeOf, digest, inspect, isPending, isRenewalDue, isValid } from "./verifier.js";
