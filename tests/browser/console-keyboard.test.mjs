// The console without a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, open, settled } from "./console.mjs";

/** What has the focus, as a screen reader would say it. */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    const label = at.labels?.[0]?.textContent ?? at.getAttribute("aria-label");
    return label ?? at.textContent.trim();
  });

/** Presses Tab until what has this name has the focus, which must be visible; gives up after a whole page of them. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if (!(await focused(page)).startsWith(name)) continue;
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", `the focus on ${name} can be seen`);
    return;
  }
  assert.fail(`${name} cannot be reached; the focus is on ${await focused(page)}`);
}

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

test("signing in, generating, copying and revoking a token by keyboard alone", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme, { permissions: ["clipboard-read", "clipboard-write"] });
  await heading(page, "Sign in");
  await tabTo(page, "API token");
  await page.keyboard.insertText(acme.ada.token);
  await page.keyboard.press("Enter");
  await heading(page, "Tokens");
  await settled(page);
  assert.equal(await focused(page), "Tokens", "the focus goes along to the new page");

  await tabTo(page, "Generate new API token");
  await page.keyboard.press("Enter");
  await heading(page, "Generate new API token");
  await settled(page);
  await tabTo(page, "Name");
  await page.keyboard.insertText("by keyboard");
  await tabTo(page, "orders:read");
  await page.keyboard.press("Space");
  await tabTo(page, "in 30 days");
  await page.keyboard.press("ArrowRight");
  await tabTo(page, "Generate token");
  await page.keyboard.press("Enter");
  await heading(page, "Here is your token");
  assert.equal(await focused(page), "Here is your token");
  await tabTo(page, "Copy");
  await page.keyboard.press("Enter");
  await page.getByText("The token is copied.").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(await acme.admin.code(text, { all_of: ["orders:read"] }), "VALID");
  await tabTo(page, "Done");
  await page.keyboard.press("Enter");
  await heading(page, "by keyboard");
  await settled(page);

  await tabTo(page, "Revoke…");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Cancel", "a slip of the Enter key does no harm");
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Revoke…", "the focus goes back to where it was");
  await page.keyboard.press("Enter");
  await tabTo(page, "Revoke the token");
  await page.keyboard.press("Enter");
  await page.getByText("This token is revoked, for good.").waitFor();
  assert.equal(await acme.admin.code(text), "REVOKED");
});

test("the first Tab leads past the navigation", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await heading(page, "Sign in");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the page");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "API token");
});
