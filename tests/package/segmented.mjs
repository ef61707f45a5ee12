// A gate with segments.

import { readManifest } from "../vectors/read.mjs";
import { eventually } from "../worker/harness.mjs";
import { gateOf } from "./harness.mjs";

/**
 * A gate as of `gateOf` with a registry, and so many tokens, all of them in an edition. `at` sets the gate's clock, `read`
 * lists the keys that it has read, and `spoil` replaces the content of a file.
 */
export async function segmentedGateOf(t, { tokens = 20, options = {} } = {}) {
  const began = Date.now();
  let now = began;
  const held = { read: [], spoil: (bytes) => bytes };
  const registry = {
    get: async (key) => {
      held.read.push(key);
      const bytes = await held.app.stored(key);
      return key.startsWith("s/") ? held.spoil(bytes, key) : bytes;
    },
  };
  Object.assign(held, await gateOf(t, { registry, now: () => now, ...options }));
  held.at = (milliseconds) => {
    now = began + milliseconds;
  };
  held.issued = [];
  while (held.issued.length < tokens) held.issued.push(await held.admin.issue({ scopes: ["orders:read"] }));
  // In addition to these there are the first admin's token and the gate's.
  held.manifest = await edition(held, ({ segments }) => Number(segments[0].tokens) === tokens + 2);
  return held;
}

/** Waits until the ledger names an edition that meets the condition; returns its manifest. */
export async function edition({ app, own }, isWanted) {
  const headers = { authorization: `Bearer ${own.token}`, "content-type": "application/json" };
  const body = JSON.stringify({ digests: [], segments: {} });
  return eventually(async () => {
    const granted = await app.fetch("/v1/lease", { method: "POST", headers, body });
    const grant = Buffer.from(await granted.arrayBuffer());
    for (const key of await app.keys("s/")) {
      const isNamed = grant.includes(Buffer.from(key.slice(-64), "hex"));
      const manifest = isNamed && readManifest(Buffer.from(await app.stored(key)));
      if (manifest && isWanted(manifest)) return manifest;
    }
    return undefined;
  }, 40);
}
