// Hashes of tokens, looked up in a Map: what most services write by hand.

import * as node from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkAPIKey, extractShortToken, generateAPIKey } from "prefixed-api-key";
import { named } from "./installed.mjs";

const LACKS = "expiration, scopes, revocation in other processes";
const encoder = new TextEncoder();

/** The subjects, the floor first. All Maps hold as many records as Counterfoil's cache. */
export async function hashes({ hot, unknown, malformed, digests }) {
  const known = new Map(digests.map((digest, at) => [digest, { number: at, scopes: ["orders:read"] }]));
  const tokens = { valid: hot, unknown, malformed };
  const byDigest = (name, digestOf) => ({
    name: `${name} and Map.get`,
    lacks: LACKS,
    tokens,
    check: (token) => known.get(digestOf(token)) !== undefined,
  });
  const subtle = async (token) => {
    const digest = await crypto.subtle.digest("SHA-256", encoder.encode(token));
    return known.get(Buffer.from(digest).toString("hex")) !== undefined;
  };
  return [
    byDigest("createHash", (token) => node.createHash("sha256").update(token).digest("hex")),
    // Node 20.12 and later.
    ...(node.hash === undefined ? [] : [byDigest("crypto.hash", (token) => node.hash("sha256", token))]),
    { name: "crypto.subtle and Map.get", lacks: `${LACKS} (asynchronous)`, tokens, check: subtle },
    byDigest(await named("@noble/hashes"), (token) => bytesToHex(sha256(encoder.encode(token)))),
    await prefixed(digests, malformed),
  ];
}

/** Its short token finds the record, the digest of its long token is compared. */
async function prefixed(digests, malformed) {
  const made = (count) => Promise.all(Array.from({ length: count }, () => generateAPIKey({ keyPrefix: "acme" })));
  const [hot, unknown] = [await made(malformed.length), await made(malformed.length)];
  const known = new Map(digests.map((digest) => [digest.slice(0, 8), digest]));
  for (const { shortToken, longTokenHash } of hot) known.set(shortToken, longTokenHash);
  const values = (keys) => keys.map(({ token }) => token);
  return {
    name: `${await named("prefixed-api-key")} and Map.get`,
    lacks: LACKS,
    tokens: { valid: values(hot), unknown: values(unknown), malformed },
    check: (token) => {
      const hash = known.get(extractShortToken(token));
      return hash !== undefined && checkAPIKey(token, hash);
    },
  };
}
