// The console by keyboard alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, open, settled } from "./console.mjs";

/** The accessible name of the focused element, approximately. */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    const label = at.labels?.[0]?.textContent ?? at.getAttribute("aria-label");
    return label ?? at.textContent.trim();
  });

/** Presses Tab until the element with this name has the focus, which must be visible; fails after 60 presses. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if (!(await focused(page)).startsWith(name)) continue;
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", `the focus on ${name} is visible`);
    return;
  }
  assert.fail(`${name} cannot be reached; the focus is on ${await focused(page)}`);
}

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

test("sign in, create, copy and revoke a token by keyboard alone", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme, { permissions: ["clipboard-read", "clipboard-write"] });
  await heading(page, "Sign in");
  await tabTo(page, "API token");
  await page.keyboard.insertText(acme.ada.token);
  await page.keyboard.press("Enter");
  await heading(page, "Tokens");
  await settled(page);
  assert.equal(await focused(page), "Tokens", "the focus moves to the new page");

  await tabTo(page, "Create token");
  await page.keyboard.press("Enter");
  await heading(page, "Create token");
  await settled(page);
  await tabTo(page, "Name");
  await page.keyboard.insertText("by keyboard");
  await tabTo(page, "orders:read");
  await page.keyboard.press("Space");
  await tabTo(page, "in 30 days");
  await page.keyboard.press("ArrowRight");
  await tabTo(page, "Create token");
  await page.keyboard.press("Enter");
  await heading(page, "Token created");
  assert.equal(await focused(page), "Token created");
  await tabTo(page, "Copy");
  await page.keyboard.press("Enter");
  await page.getByText("Token copied.").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(await acme.admin.code(text, { all_of: ["orders:read"] }), "VALID");
  await tabTo(page, "Done");
  await page.keyboard.press("Enter");
  await heading(page, "by keyboard");
  await settled(page);

  await tabTo(page, "Revoke…");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Cancel", "Enter on the open dialog does not revoke");
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Revoke…", "the focus returns to the button");
  await page.keyboard.press("Enter");
  await tabTo(page, "Revoke token");
  await page.keyboard.press("Enter");
  await page.getByText("This token is permanently revoked.").waitFor();
  assert.equal(await acme.admin.code(text), "REVOKED");
});

test("the first Tab stop skips the navigation", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await heading(page, "Sign in");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "API token");
});
