// Whatever people write into a field is text on every page of the console, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, signedIn, visit } from "./console.mjs";
import { FIELDS, PAGES, fill } from "./hostile.mjs";

test("markup in a field is shown as it was written, on every page", async (t) => {
  const acme = await deployment(t);
  const filled = await fill(acme);
  const page = await signedIn(t, acme, filled.who);
  for (const { hash, title, shows } of PAGES) {
    await visit(page, hash(filled), title);
    const { text, foreign, broken } = await page.evaluate(() => ({
      text: [document.body.innerText, ...[...document.querySelectorAll("input, textarea, option")].map(({ value, text }) => text ?? value)].join("\n"),
      foreign: document.querySelectorAll("img, [onerror], script:not([src])").length,
      broken: globalThis.broken,
    }));
    assert.deepEqual([foreign, broken], [0, undefined], hash(filled));
    // JSON quotes what it shows, and a name may stand beside an id.
    const plain = text.replaceAll('\\"', '"');
    for (const field of shows) assert.ok(plain.includes(FIELDS[field]), `${field} is on ${hash(filled)}`);
  }
});
