// An offline gate, for tests of middleware: it needs no deployment.

import { createHash, generateKeyPairSync } from "node:crypto";
import { Gate } from "../../build/verify/node.js";
import { writeSnapshot } from "../vectors/write.mjs";

/** A token that is valid for `orders:read`. Its owner is `ada`. */
export const live = "another-systems-live-token";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
export const keys = [publicKey.export({ format: "jwk" })];

/** A snapshot that is valid for an hour from now. */
export const snapshotFile = () =>
  writeSnapshot({
    header: {
      epoch: 1,
      generation: 1,
      without_addresses: true,
      without_weak: false,
      workspace: { version: 1, key: "0Ab3dE", slug: "acme", suspended: false, has_imports: false, freshness: [] },
    },
    tokens: [
      {
        digest: createHash("sha256").update(live).digest("hex"),
        found: {
          number: 1,
          owner: 1,
          scopes: ["orders:read"],
          revoked: false,
          enabled: true,
          not_before: null,
          expires_at: null,
          replaced_until: null,
          addresses: [],
        },
      },
    ],
    ranges: [{ first: 1, last: 1 }],
    owners: [{ version: 1, number: 1, id: "ada", suspended: false, grants: ["*"], revoked_before: 0 }],
    asOf: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    jwk: privateKey.export({ format: "jwk" }),
  });

/** An offline gate with these options. If they include a clock, it is used only after creation. */
export async function offlineGate({ now, ...options }) {
  let clock = Date.now;
  const gate = await Gate.offline(snapshotFile(), { keys, now: () => clock(), ...options });
  clock = now ?? clock;
  return gate;
}
