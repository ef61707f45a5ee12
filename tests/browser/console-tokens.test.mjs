// Tokens in the console: create, edit, disable, rotate, revoke.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
/** The token value that the page shows once. */
const shown = (page) => page.getByRole("textbox", { name: "Token value", exact: true }).inputValue();
const dialog = (page) => page.getByRole("dialog");

test("a member creates a token, whose value is shown once", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.getByRole("link", { name: "Create token" }).click();
  await page.getByRole("heading", { level: 1, name: "Create token" }).waitFor();
  await page.getByText("Your live tokens: 1 of 10 allowed.").waitFor();
  const offered = await page.locator(".choices input").evaluateAll((boxes) => boxes.map(({ value }) => value));
  assert.deepEqual(offered, [
    "orders:read",
    "orders:write",
    "tokens:read",
    "tokens:write",
    "tokens:grant",
    "sessions:create",
    "audit:read",
  ]);
  await page.getByText("Ask an admin of Acme").waitFor();
  await look(page, "new");

  await button(page, "Create token").click();
  await page.getByText("Enter a name that tells you later what the token is for.").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Nightly export");
  await page.getByLabel("orders:read").check();
  await page.getByLabel("in 7 days").check();
  await button(page, "Create token").click();
  await page.getByRole("heading", { level: 1, name: "Token created" }).waitFor();
  const text = await shown(page);
  assert.equal(await acme.admin.code(text, { all_of: ["orders:read"] }), "VALID");
  await look(page, "new-shown-once");

  const [saved] = await Promise.all([page.waitForEvent("download"), button(page, "Save as .env").click()]);
  assert.equal(saved.suggestedFilename(), "NIGHTLY_EXPORT_TOKEN.env");
  assert.equal(await readFile(await saved.path(), "utf8"), `NIGHTLY_EXPORT_TOKEN=${text}\n`);
  await button(page, "Copy").click();
  await page.getByText("Token copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  await button(page, "Done").click();
  await page.getByRole("heading", { level: 1, name: "Nightly export" }).waitFor();
  assert.ok(!(await page.content()).includes(text), "the value is not shown again");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Create token" }).waitFor();
  assert.ok(!(await page.content()).includes(text));

  const [token] = (await acme.admin.expect(200, "GET", "/v1/tokens?q=nightly")).items;
  assert.deepEqual([token.owner.id, token.scopes], ["ada", ["orders:read"]]);
  assert.equal(Date.parse(token.expires_at) - Date.parse(token.created_at), 7 * 86_400_000);
});

test("leaving before the token value is copied asks for confirmation", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Create token");
  await page.getByLabel("Name", { exact: true }).fill("left");
  await button(page, "Create token").click();
  const text = await shown(page);

  await page.getByRole("link", { name: "Tokens" }).first().click();
  await dialog(page).getByText("You have not copied or saved the value of “left”.").waitFor();
  await look(page, "new-leaving");
  await button(page, "Stay on this page").click();
  assert.equal(await shown(page), text);
  assert.match(page.url(), /#\/new$/);

  await button(page, "Done").click();
  await button(page, "Stay on this page").click();
  await page.goBack();
  await button(page, "Leave without copying").click();
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
  assert.ok(!(await page.content()).includes(text));
});

test("a repeated request creates only one token", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Create token");
  await page.getByLabel("Name", { exact: true }).fill("once");
  let lost = 0;
  await page.route("**/v1/tokens", async (route) => {
    if (route.request().method() !== "POST" || lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await button(page, "Create token").click();
  await page.getByText("Can't reach the server.").waitFor();
  await button(page, "Create token").click();
  await page.getByRole("heading", { level: 1, name: "Token value not available" }).waitFor();
  await look(page, "new-shown-before");
  assert.equal((await acme.admin.expect(200, "GET", "/v1/tokens?q=once")).total, 1);
});

test("an error from the API is shown at its field", async (t) => {
  const acme = await deployment(t);
  await acme.admin.expect(200, "PATCH", "/v1/members/ada", { quota: 1 });
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { max_lifetime: 40 * 86_400 });
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Create token");
  await page.getByText("Your live tokens: 1 of 1 allowed. Revoke a token first").waitFor();
  assert.ok(await page.getByLabel("in 90 days").isDisabled());
  assert.ok(await page.getByLabel("never").isDisabled());
  await page.getByText("the maximum token lifetime in Acme is 40 days").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("too many");
  await page.getByText("Note and allowed IP addresses").click();
  await page.getByLabel("Allowed IP addresses").fill("not an address");
  await page.getByText("Note and allowed IP addresses").click();
  await button(page, "Create token").click();
  await page.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")), "true");
  await look(page, "new-refused");
  await page.getByLabel("Allowed IP addresses").fill("");
  await button(page, "Create token").click();
  await page.getByRole("link", { name: "QUOTA_EXCEEDED" }).waitFor();
});

test("a token is edited, disabled, enabled, rotated and revoked on its page", async (t) => {
  const acme = await deployment(t);
  const made = await acme.admin.issue({ name: "export", owner: "ada", scopes: ["orders:read", "orders:write"] });
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, `#/tokens/${made.id}`, "export");
  await look(page, "token");
  const read = () => acme.admin.expect(200, "GET", `/v1/tokens/${made.id}`);

  await page.getByLabel("Name", { exact: true }).fill("export of orders");
  await page.getByLabel("Note").fill("ask Ada");
  await page.getByLabel("orders:write").uncheck();
  await page.getByLabel("in 30 days").check();
  await page.getByLabel("Allowed IP addresses").fill("192.0.2.0/24\n2001:db8::/32");
  await button(page, "Save changes").click();
  await page.getByRole("heading", { level: 1, name: "export of orders" }).waitFor();
  const changed = await read();
  assert.deepEqual(
    [changed.name, changed.note, changed.scopes, changed.allowed_addresses],
    ["export of orders", "ask Ada", ["orders:read"], ["192.0.2.0/24", "2001:db8::/32"]],
  );
  assert.ok(changed.expires_at);

  await button(page, "Disable…").click();
  await button(dialog(page), "Disable").click();
  await page.getByText("This token is disabled and is rejected until you enable it.").waitFor();
  assert.equal(await acme.admin.code(made.token, { address: "192.0.2.1" }), "DISABLED");
  await button(page, "Enable…").click();
  await button(dialog(page), "Enable").click();
  await button(page, "Disable…").waitFor();

  await button(page, "Rotate…").click();
  await look(page, "token-rotate");
  const sent = page.waitForRequest((request) => request.url().endsWith("/rotate"));
  await dialog(page).getByLabel("Keep the current value working").selectOption("0");
  await dialog(page).getByLabel("End all previous values now").check();
  await button(dialog(page), "Rotate token").click();
  assert.deepEqual((await sent).postDataJSON(), { grace_seconds: 0, previous: "end" });
  const text = await shown(page);
  assert.equal(await acme.admin.code(made.token, { address: "192.0.2.1" }), "REVOKED");
  assert.equal(await acme.admin.code(text, { address: "192.0.2.1" }), "VALID");
  await look(page, "token-rotated");
  await button(page, "Done").click();
  await button(page, "Leave without copying").click();
  await page.getByRole("heading", { level: 1, name: "export of orders" }).waitFor();
  await settled(page);

  await button(page, "Revoke…").click();
  await dialog(page).getByLabel("Reason").fill("no longer needed");
  await button(dialog(page), "Revoke token").click();
  await page.getByText("This token is permanently revoked.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save changes" }).count(), 0);
  assert.equal(await acme.admin.code(text, { address: "192.0.2.1" }), "REVOKED");
  assert.deepEqual(
    (await page.locator(".timeline p").allTextContents()).map((line) => line.replace(/^Ada Lovelace/, "Ada")),
    [
      "Ada revoked “export of orders”",
      "Ada rotated “export of orders”",
      "Ada enabled “export of orders”",
      "Ada disabled “export of orders”",
      "Ada renamed and changed the scopes, expiration, allowed IP addresses and note of “export of orders”",
      "Someone created “export of orders” for Ada Lovelace",
    ],
  );
  await page.getByText("reason: no longer needed").waitFor();
  await look(page, "token-revoked");
});

test("a concurrent change of a token is not overwritten", async (t) => {
  const acme = await deployment(t);
  const made = await acme.admin.issue({ name: "shared", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.ada);
  const path = `/v1/tokens/${made.id}`;
  await visit(page, `#/tokens/${made.id}`, "shared");
  await acme.admin.expect(200, "PATCH", path, { name: "by the admin" });

  await page.getByLabel("Name", { exact: true }).fill("by Ada");
  await button(page, "Save changes").click();
  await page.getByText("Someone else changed this").waitFor();
  await look(page, "token-overtaken");
  for (const [open, confirm] of [
    ["Disable…", "Disable"],
    ["Rotate…", "Rotate token"],
    ["Revoke…", "Revoke token"],
  ]) {
    await button(page, open).click();
    await button(dialog(page), confirm).click();
    await dialog(page).getByText("Someone else changed this").waitFor();
    await button(dialog(page), "Cancel").click();
  }
  const { name, state, hint } = await acme.admin.expect(200, "GET", path);
  assert.deepEqual([name, state, hint], ["by the admin", "active", made.hint]);

  await button(page, "Revoke…").click();
  await button(dialog(page), "Revoke token").click();
  await button(dialog(page), "Reload").click();
  await page.getByRole("heading", { level: 1, name: "by the admin" }).waitFor();
  await settled(page);
  await page.getByLabel("Name", { exact: true }).fill("by both");
  await button(page, "Save changes").click();
  await page.getByRole("heading", { level: 1, name: "by both" }).waitFor();
});

test("several tokens are revoked at once; the revoke dialog names lease and snapshot limits", async (t) => {
  const acme = await deployment(t);
  const made = [];
  for (const name of ["one", "two", "three"]) made.push(await acme.admin.issue({ name, scopes: ["orders:read"] }));
  const page = await signedIn(t, acme, acme.admin);
  await settled(page);
  await page.getByLabel("Select one").check();
  await page.getByLabel("Select two").check();
  await page.getByText("2 selected").waitFor();
  await button(page, "Revoke selected…").click();
  await dialog(page).getByText("Anything that uses these tokens will stop working. This can't be undone.").waitFor();
  for (const text of [
    "by gateways (bounded checks) for up to 10 seconds",
    "by eventual checks for about a minute plus any delay of Workers KV",
    "by offline verifiers until their snapshot expires, for up to 1 day",
  ])
    await dialog(page).getByText(text).waitFor();
  assert.deepEqual(await dialog(page).locator("strong").allTextContents(), ["one", "two"]);
  await look(page, "tokens-revoke");
  await button(dialog(page), "Revoke 2 tokens").click();
  await page.getByText("2 tokens were revoked.").waitFor();
  assert.deepEqual(await Promise.all(made.map(({ token }) => acme.admin.code(token))), ["REVOKED", "REVOKED", "VALID"]);

  await page.getByLabel("Select all on this page").check();
  await button(page, "Revoke selected…").click();
  await dialog(page).getByText("You are signed in with").waitFor();
  await button(dialog(page), "Cancel").click();
});

test("after all tokens on the last page are revoked, the list shows the page before", async (t) => {
  const acme = await deployment(t);
  const tokens = Array.from({ length: 49 }, (_, number) => ({
    digest: createHash("sha256").update(`imported ${number}`).digest("hex"),
    name: `imported ${number}`,
    scopes: [],
  }));
  const { imported } = await acme.admin.expect(200, "POST", "/v1/tokens/import", { tokens });
  assert.equal(imported, 49);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/tokens?sort=created_at", "Tokens");
  await button(page, "Next").click();
  await page.getByText("51–51 of 51").waitFor();
  await page.getByLabel("Select all on this page").check();
  await button(page, "Revoke selected…").click();
  await button(dialog(page), "Revoke token").click();
  await page.getByText("1–50 of 50").waitFor();
});

test("an admin creates a token for a member, and is offered only scopes that both hold", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/new", "Create token");
  const offered = () => page.locator(".choices input").evaluateAll((boxes) => boxes.map(({ value }) => value));
  assert.ok((await offered()).includes("payouts:send"));
  assert.ok((await offered()).includes("*"));
  await page.getByLabel("payouts:send").check();
  await page.getByLabel("Owner", { exact: true }).selectOption("ada");
  await page.getByText("Live tokens of ada: 1 of 10 allowed.").waitFor();
  assert.deepEqual(await offered(), [
    "orders:read",
    "orders:write",
    "tokens:read",
    "tokens:write",
    "tokens:grant",
    "sessions:create",
    "audit:read",
    "orders:*",
  ]);
  await look(page, "new-for-a-member");
  await page.getByLabel("Name", { exact: true }).fill("for Ada");
  await page.getByLabel("orders:*").check();
  await page.getByLabel("never").check();
  await button(page, "Create token").click();
  await page.getByRole("heading", { level: 1, name: "Token created" }).waitFor();
  const { owner, scopes, expires_at } = (await acme.admin.expect(200, "GET", "/v1/tokens?q=for+ada")).items[0];
  assert.deepEqual([owner.id, scopes, expires_at], ["ada", ["orders:*"], null]);
});

test("a new token cannot outlive the token of the session", async (t) => {
  const acme = await deployment(t);
  const scopes = ["tokens:read", "tokens:write", "sessions:create", "orders:read"];
  const short = await acme.admin.issue({ name: "ten days", owner: "ada", scopes, expires_in: 10 * 86_400 });
  const page = await signedIn(t, acme, acme.admin.as(short.token));
  await visit(page, "#/new", "Create token");
  await page.getByText("it cannot expire later than the token you signed in with").waitFor();
  const open = await page
    .locator("input[type=radio]")
    .evaluateAll((radios) => radios.filter(({ disabled }) => !disabled).map(({ value }) => value));
  assert.deepEqual(open, ["7", "date"]);
  await page.getByLabel("Name", { exact: true }).fill("as long as can be");
  await page.getByLabel("Expiration date").fill(await page.getByLabel("Expiration date").getAttribute("max"));
  await button(page, "Create token").click();
  await page.getByRole("heading", { level: 1, name: "Token created" }).waitFor();
  const [made] = (await acme.admin.expect(200, "GET", "/v1/tokens?q=as+long")).items;
  assert.equal(made.expires_at, short.expires_at);

  await page.goto(`${page.base}#/tokens/${short.id}`);
  await button(page, "Leave without copying").click();
  await page.getByRole("heading", { level: 1, name: "ten days" }).waitFor();
  await page.getByText("You are signed in with this token.").waitFor();
  assert.equal(
    await page.locator("input[type=radio], .choices input").count(),
    0,
    "its scopes and expiration cannot be edited",
  );
});
