// The exports of every entry point, except init().
export { CODES } from "./contract.js";
export { Gate } from "./gate.js";
export { refusal } from "./refusal.js";
export { InvalidSnapshotError } from "./snapshot.js";
export { InvalidDemandError, Verifier, codeOf, digest, inspect, isPending, isRenewalDue, isValid } from "./verifier.js";
