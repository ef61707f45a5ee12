// A fake control plane and registry with hand-written records, for a gate with the test's own clock.

import { createHash } from "node:crypto";
import { Gate } from "../../build/verify/node.js";
import { answerRecord, encode, grantRecord, ownerRecord, tokenRecord, workspaceRecord } from "../vectors/layout.mjs";

export const NOW = 1_798_761_600_000;
/** The duration of its leases. */
export const LEASE = 10_000;
export const TEXT = "another-systems-token";

const KEY = "0Ab3dE";
const DIGEST = createHash("sha256").update(TEXT).digest("hex");
const WORKSPACE = { version: 1, key: KEY, slug: "acme", suspended: false, has_imports: true, freshness: [] };
const OWNER = { version: 1, number: 1, id: "ada", suspended: false, grants: ["*"], revoked_before: 0 };
const TOKEN = {
  version: 1,
  id: "tok_0123456789abcdefghijkl",
  number: 1,
  owner: 1,
  name: "",
  client_id: null,
  metadata: null,
  scopes: ["orders:read"],
  issued: 1,
  revoked: false,
  enabled: true,
  not_before: null,
  expires_at: null,
  replaced_until: null,
  addresses: [],
  rate_class: null,
};

/** A gate with these, whose token `TEXT` has these changes; `asked` records its requests. */
export function written({ changed = {}, ...options }) {
  const [token, asked] = [{ ...TOKEN, ...changed }, []];
  const controlPlane = {
    async fetch(url, { body }) {
      const { pathname } = new URL(url);
      const { digests, since } = JSON.parse(body);
      asked.push(pathname);
      const answer = {
        key: KEY,
        as_of: NOW,
        generation: 1,
        workspace: WORKSPACE,
        seal_keys: [],
        owners: [OWNER],
        tokens: digests.map((digest) => [digest, digest === DIGEST ? token : null]),
      };
      const grant = { epoch: 1, since: since?.generation ?? null, term: LEASE, answer };
      return new Response(
        pathname === "/v1/lease" ? encode("l", grantRecord(grant)) : encode("a", answerRecord(answer)),
      );
    },
  };
  const values = {
    [`r/${KEY}/${DIGEST}`]: encode("r", tokenRecord(token)),
    [`o/${KEY}/1`]: encode("o", ownerRecord(OWNER)),
    [`w/${KEY}`]: encode("w", workspaceRecord(WORKSPACE)),
  };
  const registry = {
    async get(key) {
      asked.push(key.split("/")[0]);
      return values[key]?.buffer ?? null;
    },
  };
  const gate = new Gate({
    controlPlane,
    tokens: { [KEY]: "of the gate" },
    registry,
    segments: false,
    now: () => NOW,
    ...options,
  });
  return { gate, asked };
}
