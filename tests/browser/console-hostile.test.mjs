// Whatever people write into a field is text on every page of the console, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, fits, signedIn, visit } from "./console.mjs";
import { FIELDS, PAGES, fill } from "./hostile.mjs";

test("markup in a field is shown as it was written, on every page", async (t) => {
  const acme = await deployment(t);
  const filled = await fill(acme);
  const page = await signedIn(t, acme, filled.who);
  for (const { hash, title, shows } of PAGES) {
    await visit(page, hash(filled), title);
    const text = await harmless(page, hash(filled));
    // JSON quotes what it shows, and a name may stand beside an id.
    const plain = text.replaceAll('\\"', '"');
    for (const field of shows) assert.ok(plain.includes(FIELDS[field]), `${field} is on ${hash(filled)}`);
    for (const width of [1280, 800, 360]) {
      await page.setViewportSize({ width, height: 800 });
      await fits(page, hash(filled));
    }
  }
});

test("nor is it anything else in a dialog, or where a token is checked", async (t) => {
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
  for (const name of ["Suspend…", "Revoke all tokens…", "Remove…"]) await ask(name, "tokenName");
  await visit(page, "#/clients", "Clients");
  await ask(`Remove ${FIELDS.clientName}`, "clientName");
  await visit(page, "#/sessions", "Sessions");
  await page.getByText("a token").first().waitFor();
  await visit(page, "#/check", "Check a token");
  await page.getByLabel("Paste a token").fill(FIELDS.tokenName);
  await page.getByText("Not a token.").waitFor();
  await page.getByLabel("Paste a token").fill(filled.token.token);
  await page.getByRole("link", { name: FIELDS.tokenName }).waitFor();
  await harmless(page, "a checked token");
});

/** That nothing which was written has become an element, or has done anything; what the page says. */
async function harmless(page, where) {
  const { text, foreign, broken } = await page.evaluate(() => ({
    text: [
      // biome-ignore lint/performance/useDomNodeTextContent: what a person sees, so nothing that is hidden
      document.body.innerText,
      ...[...document.querySelectorAll("input, textarea, option")].map(({ value, text }) => text ?? value),
    ].join("\n"),
    foreign: document.querySelectorAll("img, [onerror], script:not([src])").length,
    broken: globalThis.broken,
  }));
  assert.deepEqual([foreign, broken], [0, undefined], where);
  return text;
}
