// A fictitious workspace of 100,000 tokens: their values, and a control plane that knows them.

import { createHash, randomBytes, randomInt } from "node:crypto";
import { encode, grantRecord } from "../vectors/layout.mjs";
import { withForgedSeal, withSeal, withTypo } from "../worker/client.mjs";

const RECORDS = 100_000;
const HOT = 64;
const OWNERS = 100;
const KEY = "0Ab3dE";
const SEAL_KEY = randomBytes(32);

/** The longest lease that a workspace may set, in milliseconds. */
const LEASE = 60_000;

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const digestOf = (text) => createHash("sha256").update(text).digest("hex");

/** A token value with a correct authentication tag and checksum. */
function text() {
  const random = Array.from({ length: 24 }, () => DIGITS[randomInt(62)]).join("");
  return withSeal(`cft_${KEY}${random}${"0".repeat(12)}`, SEAL_KEY);
}

/**
 * The token values to verify: `hot`, 64 tokens, and `cold`, all others; the `digests` of both; and invalid ones:
 * `unknown` (forged: with a wrong authentication tag), `malformed`, and tokens with `typos`.
 */
export function texts() {
  const cold = Array.from({ length: RECORDS - HOT }, text);
  const hot = Array.from({ length: HOT }, text);
  return {
    hot,
    cold,
    digests: [...cold, ...hot].map(digestOf),
    unknown: hot.map(withForgedSeal),
    malformed: Array.from({ length: HOT }, (_, at) => `not a token, number ${at}`),
    typos: hot.map(withTypo),
  };
}

/** Answers a verifier client's requests in place of Counterfoil: grants leases, and knows every digest. */
export function controlPlane() {
  let last = 0;
  const numbers = new Map();
  const record = (digest) => {
    if (!numbers.has(digest)) numbers.set(digest, (last += 1));
    const number = numbers.get(digest);
    const id = `tok_${digest.slice(0, 22)}`;
    const open = {
      client_id: null,
      metadata: null,
      not_before: null,
      expires_at: null,
      replaced_until: null,
      rate_class: null,
    };
    const owner = (number % OWNERS) + 1;
    const rights = { scopes: ["orders:read", "orders:write"], addresses: [], revoked: false, enabled: true };
    return { version: 1, id, number, owner, name: "a token", issued: 1, ...rights, ...open };
  };
  return (question) => {
    const tokens = question.digests.map((digest) => [digest, record(digest)]);
    const owners = [...new Set(tokens.map(([, { owner }]) => owner))];
    const answer = {
      key: KEY,
      as_of: Date.now(),
      generation: 1,
      workspace: { version: 1, key: KEY, slug: "acme", suspended: false, has_imports: false, freshness: [] },
      seal_keys: [[...SEAL_KEY]],
      tokens,
      owners: owners.map((number) => ({
        version: 1,
        number,
        id: `mem_${number}`,
        suspended: false,
        grants: ["*"],
        revoked_before: 0,
      })),
    };
    return encode("l", grantRecord({ epoch: 1, since: question.since?.generation ?? null, term: LEASE, answer }));
  };
}
