// Hostile content: what users type into a field is shown as text on every page and never parsed as HTML.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, fits, signedIn, visit } from "./console.mjs";
import { FIELDS, PAGES, fill } from "./hostile.mjs";

test("every page shows markup in any field as plain text", async (t) => {
  const acme = await deployment(t);
  const filled = await fill(acme);
  const page = await signedIn(t, acme, filled.who);
  for (const { hash, title, shows } of PAGES) {
    await visit(page, hash(filled), title);
    const text = await harmless(page, hash(filled));
    // JSON escapes quotes.
    const plain = text.replaceAll('\\"', '"');
    for (const field of shows) assert.ok(plain.includes(FIELDS[field]), `${field} is on ${hash(filled)}`);
    for (const width of [1280, 800, 360]) {
      await page.setViewportSize({ width, height: 800 });
      await fits(page, hash(filled));
    }
  }
});

test("dialogs and the check page show markup in any field as plain text", async (t) => {
  const acme = await deployment(t);
  const filled = await fill(acme);
  const page = await signedIn(t, acme, filled.who);
  const ask = async (name, shows) => {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor();
    assert.ok((await harmless(page, name)).includes(FIELDS[shows]), name);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await visit(page, `#/members/${encodeURIComponent(FIELDS.memberId)}`, FIELDS.memberName);
  for (const name of ["Suspend…", "Revoke all tokens…", "Erase…"]) await ask(name, "tokenName");
  await visit(page, "#/clients", "Clients");
  await ask(`Delete ${FIELDS.clientName}`, "clientName");
  await visit(page, "#/sessions", "Sessions");
  await page.getByRole("link", { name: "token", exact: true }).first().waitFor();
  await visit(page, "#/check", "Check a token");
  await page.getByLabel("Token value").fill(FIELDS.tokenName);
  await page.getByText("Not a token.").waitFor();
  await page.getByLabel("Token value").fill(filled.token.token);
  await page.getByRole("link", { name: FIELDS.tokenName }).waitFor();
  await harmless(page, "a checked token");
});

/** Asserts that no markup became an element or ran. Returns the visible text of the page. */
async function harmless(page, where) {
  const { text, foreign, broken } = await page.evaluate(() => ({
    text: [
      // biome-ignore lint/performance/useDomNodeTextContent: only visible text counts
      document.body.innerText,
      ...[...document.querySelectorAll("input, textarea, option")].map(({ value, text }) => text ?? value),
    ].join("\n"),
    foreign: document.querySelectorAll("img, [onerror], script:not([src])").length,
    broken: globalThis.broken,
  }));
  assert.deepEqual([foreign, broken], [0, undefined], where);
  return text;
}
