// Replays the vectors of request headers, in each form in which hosts provide headers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { presented } from "../../build/verify/presented.js";

const { cases } = JSON.parse(readFileSync(new URL("presented.json", import.meta.url), "utf8"));

/** As Node provides them: an object with an array of values for each name. */
function grouped(headers) {
  const groups = {};
  for (const [name, value] of headers) (groups[name] ??= []).push(value);
  return groups;
}

const FORMS = {
  "a Headers object": (headers) => new Headers(headers),
  "an object of arrays": grouped,
  "an object of strings": (headers) =>
    Object.fromEntries(Object.entries(grouped(headers)).map(([name, values]) => [name, values.join(", ")])),
};

for (const [form, make] of Object.entries(FORMS)) {
  test(`every case has the expected result, from ${form}`, () => {
    assert.ok(cases.length > 40);
    for (const { why, headers, ...expected } of cases) assert.deepEqual(presented(make(headers)), expected, why);
  });
}

test("missing or unreadable headers present no credential", () => {
  for (const none of [undefined, null]) assert.deepEqual(presented(none), { code: "NO_CREDENTIAL" });
  for (const odd of [7, {}, "Bearer \u{fc}", `Bearer a\n`, `Bearer ${"a".repeat(1 << 20)}`]) {
    assert.deepEqual(presented({ authorization: odd }), { code: "UNREADABLE_CREDENTIAL" });
    assert.deepEqual(presented({ authorization: odd, "x-api-key": "a" }), { code: "UNREADABLE_CREDENTIAL" });
  }
});
