// The life of a token in the console: generated, changed, rotated, revoked.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
/** The token that is shown, this once. */
const shown = (page) => page.getByRole("textbox", { name: "The token", exact: true }).inputValue();
const dialog = (page) => page.getByRole("dialog");

test("a member generates a token, which is shown once", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.getByRole("link", { name: "Generate new API token" }).click();
  await page.getByRole("heading", { level: 1, name: "Generate new API token" }).waitFor();
  await page.getByText("You have 1 of 10 tokens.").waitFor();
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

  await button(page, "Generate token").click();
  await page.getByText("Give it a name").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Nightly export");
  await page.getByLabel("orders:read").check();
  await page.getByLabel("in 7 days").check();
  await button(page, "Generate token").click();
  await page.getByRole("heading", { level: 1, name: "Here is your token" }).waitFor();
  const text = await shown(page);
  assert.equal(await acme.admin.code(text, { all_of: ["orders:read"] }), "VALID");
  await look(page, "new-shown-once");

  const [saved] = await Promise.all([page.waitForEvent("download"), button(page, "Save as .env").click()]);
  assert.equal(saved.suggestedFilename(), "NIGHTLY_EXPORT_TOKEN.env");
  assert.equal(await readFile(await saved.path(), "utf8"), `NIGHTLY_EXPORT_TOKEN=${text}\n`);
  await button(page, "Copy").click();
  await page.getByText("The token is copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  await button(page, "Done").click();
  await page.getByRole("heading", { level: 1, name: "Nightly export" }).waitFor();
  assert.ok(!(await page.content()).includes(text), "it is not shown again");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Generate new API token" }).waitFor();
  assert.ok(!(await page.content()).includes(text));

  const [token] = (await acme.admin.expect(200, "GET", "/v1/tokens?q=nightly")).items;
  assert.deepEqual([token.owner.id, token.scopes], ["ada", ["orders:read"]]);
  assert.equal(Date.parse(token.expires_at) - Date.parse(token.created_at), 7 * 86_400_000);
});

test("nobody leaves a token behind by accident", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Generate new API token");
  await page.getByLabel("Name", { exact: true }).fill("left");
  await button(page, "Generate token").click();
  const text = await shown(page);

  await page.getByRole("link", { name: "Tokens" }).first().click();
  await dialog(page).getByText("neither copied nor saved").waitFor();
  await look(page, "new-leaving");
  await button(page, "Stay here").click();
  assert.equal(await shown(page), text);
  assert.match(page.url(), /#\/new$/);

  await button(page, "Done").click();
  await button(page, "Stay here").click();
  await page.goBack();
  await button(page, "Leave without it").click();
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
  assert.ok(!(await page.content()).includes(text));
});

test("one request makes one token, however often it is sent", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Generate new API token");
  await page.getByLabel("Name", { exact: true }).fill("once");
  let lost = 0;
  await page.route("**/v1/tokens", async (route) => {
    if (route.request().method() !== "POST" || lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await button(page, "Generate token").click();
  await page.getByText("The service was not reached.").waitFor();
  await button(page, "Generate token").click();
  await page.getByRole("heading", { level: 1, name: "The token was made" }).waitFor();
  await look(page, "new-shown-before");
  assert.equal((await acme.admin.expect(200, "GET", "/v1/tokens?q=once")).total, 1);
});

test("what the service refuses is said beside the field", async (t) => {
  const acme = await deployment(t);
  await acme.admin.expect(200, "PATCH", "/v1/members/ada", { quota: 1 });
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { max_lifetime: 40 * 86_400 });
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/new", "Generate new API token");
  await page.getByText("You have 1 of 1 tokens. Revoke one first").waitFor();
  assert.ok(await page.getByLabel("in 90 days").isDisabled());
  assert.ok(await page.getByLabel("never").isDisabled());
  await page.getByText("tokens of Acme live for 40 days at most").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("too many");
  await page.getByText("Note and addresses").click();
  await page.getByLabel("Addresses").fill("not an address");
  await page.getByText("Note and addresses").click();
  await button(page, "Generate token").click();
  await page.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")), "true");
  await look(page, "new-refused");
  await page.getByLabel("Addresses").fill("");
  await button(page, "Generate token").click();
  await page.getByRole("link", { name: "QUOTA_EXCEEDED" }).waitFor();
});

test("a token is renamed, narrowed, switched off, rotated and revoked on its page", async (t) => {
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
  await page.getByLabel("Addresses").fill("192.0.2.0/24\n2001:db8::/32");
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
  await page.getByText("This token is switched off").waitFor();
  assert.equal(await acme.admin.code(made.token, { address: "192.0.2.1" }), "DISABLED");
  await button(page, "Enable…").click();
  await button(dialog(page), "Enable").click();
  await button(page, "Disable…").waitFor();

  await button(page, "Rotate…").click();
  await look(page, "token-rotate");
  const sent = page.waitForRequest((request) => request.url().endsWith("/rotate"));
  await dialog(page).getByLabel("The present text goes on working").selectOption("0");
  await dialog(page).getByLabel("End all previous values now").check();
  await button(dialog(page), "Rotate").click();
  assert.deepEqual((await sent).postDataJSON(), { grace_seconds: 0, previous: "end" });
  const text = await shown(page);
  assert.equal(await acme.admin.code(made.token, { address: "192.0.2.1" }), "REVOKED");
  assert.equal(await acme.admin.code(text, { address: "192.0.2.1" }), "VALID");
  await look(page, "token-rotated");
  await button(page, "Done").click();
  await button(page, "Leave without it").click();
  await page.getByRole("heading", { level: 1, name: "export of orders" }).waitFor();
  await settled(page);

  await button(page, "Revoke…").click();
  await dialog(page).getByLabel("Reason").fill("no longer needed");
  await button(dialog(page), "Revoke the token").click();
  await page.getByText("This token is revoked, for good.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save changes" }).count(), 0);
  assert.equal(await acme.admin.code(text, { address: "192.0.2.1" }), "REVOKED");
  assert.deepEqual(
    (await page.locator(".timeline p").allTextContents()).map((line) => line.replace(/^Ada Lovelace/, "Ada")),
    [
      "Ada revoked “export of orders”",
      "Ada gave “export of orders” a new text",
      "Ada switched on “export of orders”",
      "Ada switched off “export of orders”",
      "Ada renamed and changed the scopes, expiry, addresses and note of “export of orders”",
      "Somebody issued “export of orders” for Ada Lovelace",
    ],
  );
  await page.getByText("reason: no longer needed").waitFor();
  await look(page, "token-revoked");
});

test("what somebody else has changed is not overwritten", async (t) => {
  const acme = await deployment(t);
  const made = await acme.admin.issue({ name: "shared", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.ada);
  const path = `/v1/tokens/${made.id}`;
  await visit(page, `#/tokens/${made.id}`, "shared");
  await acme.admin.expect(200, "PATCH", path, { name: "by the admin" });

  await page.getByLabel("Name", { exact: true }).fill("by Ada");
  await button(page, "Save changes").click();
  await page.getByText("Somebody else has changed this").waitFor();
  await look(page, "token-overtaken");
  for (const [open, confirm] of [
    ["Disable…", "Disable"],
    ["Rotate…", "Rotate"],
    ["Revoke…", "Revoke the token"],
  ]) {
    await button(page, open).click();
    await button(dialog(page), confirm).click();
    await dialog(page).getByText("Somebody else has changed this").waitFor();
    await button(dialog(page), "Cancel").click();
  }
  const { name, state, hint } = await acme.admin.expect(200, "GET", path);
  assert.deepEqual([name, state, hint], ["by the admin", "active", made.hint]);

  await button(page, "Revoke…").click();
  await button(dialog(page), "Revoke the token").click();
  await button(dialog(page), "Load it anew").click();
  await page.getByRole("heading", { level: 1, name: "by the admin" }).waitFor();
  await settled(page);
  await page.getByLabel("Name", { exact: true }).fill("by both");
  await button(page, "Save changes").click();
  await page.getByRole("heading", { level: 1, name: "by both" }).waitFor();
});

test("many tokens are revoked at once", async (t) => {
  const acme = await deployment(t);
  const made = [];
  for (const name of ["one", "two", "three"]) made.push(await acme.admin.issue({ name, scopes: ["orders:read"] }));
  const page = await signedIn(t, acme, acme.admin);
  await settled(page);
  await page.getByLabel("Choose one").check();
  await page.getByLabel("Choose two").check();
  await page.getByText("2 chosen").waitFor();
  await button(page, "Revoke them…").click();
  await dialog(page).getByText("Whatever uses them stops working. There is no way back.").waitFor();
  await dialog(page).getByText("Gateways may accept them for up to 10 seconds more").waitFor();
  assert.deepEqual(await dialog(page).locator("strong").allTextContents(), ["one", "two"]);
  await look(page, "tokens-revoke");
  await button(dialog(page), "Revoke 2 tokens").click();
  await page.getByText("2 tokens are revoked.").waitFor();
  assert.deepEqual(await Promise.all(made.map(({ token }) => acme.admin.code(token))), ["REVOKED", "REVOKED", "VALID"]);

  await page.getByLabel("Choose all on this page").check();
  await button(page, "Revoke them…").click();
  await dialog(page).getByText("You signed in with one of them").waitFor();
  await button(dialog(page), "Cancel").click();
});

test("an admin generates a token for a member, and is offered what both may", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/new", "Generate new API token");
  const offered = () => page.locator(".choices input").evaluateAll((boxes) => boxes.map(({ value }) => value));
  assert.ok((await offered()).includes("payouts:send"));
  assert.ok((await offered()).includes("*"));
  await page.getByLabel("payouts:send").check();
  await page.getByLabel("Owner", { exact: true }).selectOption("ada");
  await page.getByText("ada has 1 of 10 tokens.").waitFor();
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
  await button(page, "Generate token").click();
  await page.getByRole("heading", { level: 1, name: "Here is your token" }).waitFor();
  const { owner, scopes, expires_at } = (await acme.admin.expect(200, "GET", "/v1/tokens?q=for+ada")).items[0];
  assert.deepEqual([owner.id, scopes, expires_at], ["ada", ["orders:*"], null]);
});

test("what is generated outlives nobody's own token", async (t) => {
  const acme = await deployment(t);
  const scopes = ["tokens:read", "tokens:write", "sessions:create", "orders:read"];
  const short = await acme.admin.issue({ name: "ten days", owner: "ada", scopes, expires_in: 10 * 86_400 });
  const page = await signedIn(t, acme, acme.admin.as(short.token));
  await visit(page, "#/new", "Generate new API token");
  await page.getByText("it may not outlive the token you signed in with").waitFor();
  const open = await page
    .locator("input[type=radio]")
    .evaluateAll((radios) => radios.filter(({ disabled }) => !disabled).map(({ value }) => value));
  assert.deepEqual(open, ["7", "date"]);
  await page.getByLabel("Name", { exact: true }).fill("as long as can be");
  await page.getByLabel("Last day").fill(await page.getByLabel("Last day").getAttribute("max"));
  await button(page, "Generate token").click();
  await page.getByRole("heading", { level: 1, name: "Here is your token" }).waitFor();
  const [made] = (await acme.admin.expect(200, "GET", "/v1/tokens?q=as+long")).items;
  assert.equal(made.expires_at, short.expires_at);

  await page.goto(`${page.base}#/tokens/${short.id}`);
  await button(page, "Leave without it").click();
  await page.getByRole("heading", { level: 1, name: "ten days" }).waitFor();
  await page.getByText("You signed in with this token.").waitFor();
  assert.equal(
    await page.locator("input[type=radio], .choices input").count(),
    0,
    "its scopes and its end are not for it to change",
  );
});
