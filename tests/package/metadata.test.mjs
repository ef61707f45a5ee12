// A token's metadata is exact, for every source of a decision.

import assert from "node:assert/strict";
import { test } from "node:test";
import { demand } from "./harness.mjs";
import { live, offlineGate } from "./offline.mjs";
import { TEXT, written } from "./written.mjs";

/** Values that JavaScript numbers cannot represent, or that a serializer would write differently. */
const EXACT = [
  '{"n":123456789012345678901234567890}',
  '{"n":0.1000000000000000055511151231257827,"m":1e400,"k":-0,"j":1.0,"i":1E+2}',
  '{"b":1,"a":{"2":1,"1":2},"b":2}',
  '"\\u00fc\\/"',
  "9007199254740993",
  "null",
];

test("metadataText is exact, whatever the source of the decision", async () => {
  for (const metadata of EXACT) {
    for (const [freshness, from] of [
      ["strong", "/v1/records"],
      ["bounded", "/v1/lease"],
      ["eventual", "r"],
    ]) {
      const { gate, asked } = written({ changed: { metadata } });
      // From a query, then from the cache; alone and with others.
      const decisions = [
        await gate.verify(TEXT, { ...demand, freshness }),
        await gate.verify(TEXT, { ...demand, freshness }),
        ...(await gate.verifyAll([TEXT, TEXT], { ...demand, freshness })),
        // Also for a token that is not valid.
        await gate.verify(TEXT, { allOf: ["orders:write"], freshness }),
      ];
      assert.ok(asked.includes(from));
      assert.deepEqual(
        decisions.map(({ valid }) => valid),
        [true, true, true, true, false],
      );
      for (const { token } of decisions) {
        assert.equal(token.metadataText, metadata, freshness);
        assert.deepEqual(token.metadata, JSON.parse(metadata));
      }
    }
  }
});

test("metadata is absent if the token has none, and from snapshots", async () => {
  const { gate } = written({});
  const offline = await offlineGate({});
  for (const { valid, token } of [await gate.verify(TEXT, demand), await offline.verify(live, demand)]) {
    assert.ok(valid);
    assert.ok(!("metadata" in token) && !("metadataText" in token));
  }
});
