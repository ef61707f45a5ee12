// Reads the head of a snapshot and verifies its signature. docs/format.md specifies the format byte by byte.
import { SNAPSHOT } from "./contract.js";

/** The length of the head with its signature. */
const HEAD = SNAPSHOT.head;
const SIGNED = HEAD + SNAPSHOT.signature;

/** The format of a workspace's key. */
const KEY = /^[0-9A-Za-z]{6}$/;

const ED25519 = "Ed25519";

const MESSAGES = {
  NOT_A_SNAPSHOT: "the file is not a snapshot",
  UNKNOWN_FORMAT: "this version of the package does not know the snapshot's format; update the package",
  OTHER_WORKSPACE: "the snapshot belongs to a workspace whose tokens this gate does not accept",
  UNSUPPORTED:
    "WebCrypto cannot verify Ed25519 signatures here; a browser must be recent, and its page must be served over https",
  UNTRUSTED: "the snapshot is not signed by any of the given keys",
  TOO_LARGE: "there is not enough memory for the snapshot",
  MALFORMED: "the snapshot's head is signed, but the rest is incomplete or was changed; download it again",
  EXPIRED: "the snapshot has expired; download a new one",
};

/** The snapshot was rejected. The message contains nothing of the file's content. */
export class InvalidSnapshotError extends Error {
  constructor(code) {
    super(MESSAGES[code]);
    this.name = "InvalidSnapshotError";
    this.code = code;
  }
}

/**
 * The fields of the head, not authenticated: see `verifySnapshot`.
 *
 * @throws InvalidSnapshotError
 */
export function readHead(file) {
  const bytes = bytesOf(file);
  if (bytes === undefined || bytes.length < SIGNED || bytes[1] !== SNAPSHOT.kind)
    throw new InvalidSnapshotError("NOT_A_SNAPSHOT");
  if (bytes[0] !== SNAPSHOT.format) throw new InvalidSnapshotError("UNKNOWN_FORMAT");
  const fields = new DataView(bytes.buffer, bytes.byteOffset, HEAD);
  const time = (at) => Number(fields.getBigUint64(at, true));
  const workspace = String.fromCharCode(...bytes.subarray(2, 8));
  if (!KEY.test(workspace)) throw new InvalidSnapshotError("NOT_A_SNAPSHOT");
  return { workspace, asOf: time(8), expiresAt: time(16) };
}

/**
 * The same if one of the keys has signed it, and the file in two parts: a copy of the verified head, and the rest, which
 * the head authenticates by its hash.
 *
 * @param keys a JWK set (RFC 7517), or an array of JWKs; those that are not Ed25519 keys (RFC 8037) are ignored
 * @throws InvalidSnapshotError
 */
export async function verifySnapshot(file, keys) {
  const known = Array.isArray(keys) ? keys : keys?.keys;
  if (!Array.isArray(known)) throw new TypeError("keys must be a JWK set or an array of JWKs");
  const bytes = bytesOf(file) ?? new Uint8Array();
  // A copy: the caller could change the file while the signature is verified.
  const begin = bytes.slice(0, SIGNED);
  const about = readHead(begin);
  for (const key of known) {
    if (await isSigned(begin, key)) return { about, parts: [begin, bytes.subarray(SIGNED)] };
  }
  throw new InvalidSnapshotError("UNTRUSTED");
}

async function isSigned(begin, jwk) {
  const { kty, crv, x } = jwk ?? {};
  const { subtle } = globalThis.crypto ?? {};
  if (subtle === undefined) throw new InvalidSnapshotError("UNSUPPORTED");
  try {
    // Other JWK members, such as the key's permitted use, are treated differently by platforms.
    const key = await subtle.importKey("jwk", { kty, crv, x }, ED25519, false, ["verify"]);
    return await subtle.verify(ED25519, key, begin.subarray(HEAD), begin.subarray(0, HEAD));
  } catch (error) {
    if (error.name === "NotSupportedError") throw new InvalidSnapshotError("UNSUPPORTED");
    // The key is invalid, or of another type.
    return false;
  }
}

/** Bytes in any form; `undefined` for anything else. */
export function bytesOf(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}
