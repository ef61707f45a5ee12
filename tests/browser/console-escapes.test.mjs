// Whatever people write is shown as they wrote it, on every page, and does nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, settled, signedIn, visit } from "./console.mjs";

/** Markup that acts wherever it is read as markup: as content, or as the value of an attribute. */
const EVIL = `"'><img src=x onerror="document.title='pwned'"><svg onload="document.title='pwned'">`;

test("markup in what people wrote is text on every page of the admins", async (t) => {
  const acme = await deployment(t);
  const { admin } = acme;
  await admin.expect(200, "PATCH", "/v1/workspace", { name: `Acme ${EVIL}` });
  const catalogue = [{ name: "orders:read", description: EVIL }, { name: "orders:write", description: EVIL }];
  await admin.expect(200, "PUT", "/v1/scopes", { scopes: catalogue });
  // An id has no spaces, and may have all else.
  const id = "<img/src=x/onerror=document.title='pwned'>";
  await admin.expect(201, "POST", "/v1/members", { id, name: EVIL, email: `${"<img/src=x/onerror=alert(1)>"}@acme.example`, role: "member", grants: ["orders:*"] });
  await admin.expect(201, "POST", "/v1/clients", { id, name: EVIL, permissions: ["orders:read"] });
  const { token, id: tokenId } = await admin.issue({ name: EVIL, note: EVIL, owner: id, scopes: ["orders:read"], metadata: { [EVIL]: EVIL } });
  await admin.expect(200, "DELETE", `/v1/tokens/${tokenId}?reason=${encodeURIComponent(EVIL)}`);
  const { token: signInToken } = await admin.issue({ name: EVIL, scopes: ["*"] });

  const page = await signedIn(t, acme, admin.as(signInToken));
  const forged = encodeURIComponent(EVIL);
  const pages = [
    ["#/members", "Members", EVIL],
    [`#/members?q=${forged}`, "Members", EVIL],
    [`#/members/${encodeURIComponent(id)}`, EVIL, EVIL],
    ["#/new-member", "Add a member", EVIL],
    ["#/clients", "Clients", EVIL],
    ["#/scopes", "Scopes", null],
    ["#/settings", "Settings", `Acme ${EVIL}`],
    ["#/sessions", "Sessions", "admin"],
    ["#/audit", "Audit", `“${EVIL}”`],
    [`#/audit?subject=${forged}&actor=${forged}`, "Audit", EVIL],
    [`#/audit?subject=${tokenId}`, "Audit", EVIL],
    ["#/check", "Check a token", null],
    [`#/members/${forged}`, "Not found", null],
    [`#/${forged}`, "There is no such page", null],
  ];
  for (const [hash, title, text] of pages) {
    await visit(page, hash, title);
    if (text) assert.ok((await page.locator("body").innerText()).includes(text), `${hash} shows what was written`);
    await harmless(page, hash);
  }
  await visit(page, "#/scopes", "Scopes");
  assert.equal(await page.getByLabel("What it permits").first().inputValue(), EVIL);
  await page.getByRole("button", { name: "Remove orders:read" }).click();
  await page.getByRole("button", { name: "Save…" }).click();
  await page.getByRole("dialog").waitFor();
  await harmless(page, "saving the catalogue");
  await page.getByRole("button", { name: "Cancel" }).click();

  await visit(page, "#/clients", "Clients").catch(() => page.getByRole("button", { name: "Leave without saving" }).click());
  await page.getByRole("heading", { level: 1, name: "Clients" }).waitFor();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").waitFor();
  await harmless(page, "removing a client");
  await page.getByRole("button", { name: "Cancel" }).click();

  await visit(page, `#/members/${encodeURIComponent(id)}`, EVIL);
  for (const name of ["Suspend…", "Revoke all tokens…", "Remove…"]) {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await harmless(page, name);
    await page.keyboard.press("Escape");
  }

  await visit(page, "#/check", "Check a token");
  await page.getByLabel("Paste a token").fill(EVIL);
  await page.getByText("Not a token.").waitFor();
  await page.getByLabel("Paste a token").fill(token);
  await page.getByRole("link", { name: EVIL }).waitFor();
  await harmless(page, "a checked token");
});

/** Nothing that was written has become an element, or done anything. */
async function harmless(page, where) {
  await settled(page);
  assert.equal(await page.locator("img, [onerror], [onload], iframe, main script").count(), 0, where);
  assert.ok(!(await page.title()).startsWith("pwned"), where);
}
