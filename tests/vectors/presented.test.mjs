// Headers are read as the vectors say, in each of the forms that hosts give them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { presented } from "../../build/verify/presented.js";

const { cases } = JSON.parse(readFileSync(new URL("presented.json", import.meta.url), "utf8"));

/** As objects of Node have them: arrays where there are several of a name. */
function grouped(headers) {
  const groups = {};
  for (const [name, value] of headers) (groups[name] ??= []).push(value);
  return groups;
}

const FORMS = {
  "a Headers": (headers) => new Headers(headers),
  "an object of arrays": grouped,
  "an object of texts": (headers) =>
    Object.fromEntries(Object.entries(grouped(headers)).map(([name, values]) => [name, values.join(", ")])),
};

for (const [form, make] of Object.entries(FORMS)) {
  test(`every case is read as written, of ${form}`, () => {
    assert.ok(cases.length > 40);
    for (const { why, headers, ...expected } of cases) assert.deepEqual(presented(make(headers)), expected, why);
  });
}

test("what is no headers, or none that anybody reads, presents nothing that passes", () => {
  for (const none of [undefined, null]) assert.deepEqual(presented(none), { code: "NO_CREDENTIAL" });
  for (const odd of [7, {}, "Bearer \u{fc}", `Bearer a\n`, `Bearer ${"a".repeat(1 << 20)}`]) {
    assert.deepEqual(presented({ authorization: odd }), { code: "UNREADABLE_CREDENTIAL" });
    assert.deepEqual(presented({ authorization: odd, "x-api-key": "a" }), { code: "UNREADABLE_CREDENTIAL" });
  }
});
