// The scope catalogue and clients in the console.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");
const catalogue = async (acme) => (await acme.admin.expect(200, "GET", "/v1/scopes")).scopes;
/** A row of the catalogue. */
const row = (page, index) => page.locator(".catalogue tbody tr").nth(index);

test("the catalogue is saved as a whole, after a dialog that lists the changes", async (t) => {
  const acme = await deployment(t);
  await acme.admin.issue({ name: "reader of invoices", scopes: ["invoices:read"] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/scopes", "Scopes");
  await page.getByText("Built-in scopes").click();
  await look(page, "scopes");
  await page.getByText("Built-in scopes").click();
  await button(page, "Save…").click();
  await page.getByText("No changes to save.").waitFor();

  await button(page, "Remove invoices:read").click();
  await row(page, 0).getByLabel("Description").fill("See orders");
  await row(page, 0).getByLabel("Minimum freshness").selectOption("eventual");
  await row(page, 1).getByLabel("Visible to").selectOption("admin");
  await row(page, 1).getByLabel("Grantable by").selectOption("admin");
  await button(page, "Add scope").click();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Scope");
  await page.keyboard.type("reports.daily:read");
  await row(page, 3).getByLabel("Description").fill("Read the daily report");
  await button(page, "Save…").click();
  await dialog(page).getByText("Tokens that have a removed scope keep it").waitFor();
  await dialog(page).getByText("1 token has this scope").waitFor();
  const listed = (name) => dialog(page).getByRole("list", { name }).locator("code").allTextContents();
  assert.deepEqual(
    [await listed("Added"), await listed("Changed"), await listed("Removed")],
    [["reports.daily:read"], ["orders:read", "orders:write"], ["invoices:read"]],
  );
  await look(page, "scopes-save");
  await button(page, "Save catalogue").click();
  await page.getByText("Scope catalogue saved.").waitFor();
  assert.deepEqual(await catalogue(acme), [
    {
      name: "orders:read",
      description: "See orders",
      visible_to: "member",
      grantable_by: "member",
      freshness: "eventual",
    },
    {
      name: "orders:write",
      description: "Place, change and cancel orders",
      visible_to: "admin",
      grantable_by: "admin",
      freshness: null,
    },
    {
      name: "payouts:send",
      description: "Send money",
      visible_to: "admin",
      grantable_by: "admin",
      freshness: "strong",
    },
    {
      name: "reports.daily:read",
      description: "Read the daily report",
      visible_to: "member",
      grantable_by: "member",
      freshness: null,
    },
  ]);
});

test("invalid scopes are marked, and nothing is saved", async (t) => {
  const acme = await deployment(t);
  const before = await catalogue(acme);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/scopes", "Scopes");
  const puts = [];
  page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  for (const [index, name] of [
    [0, "tokens:read"],
    [1, "payouts:send"],
    [2, "no spaces"],
  ]) {
    await row(page, index).getByRole("textbox", { name: "Scope" }).fill(name);
  }
  await button(page, "Add scope").click();
  await button(page, "Save…").click();
  await page.getByText("5 scopes are invalid. Nothing was saved.").waitFor();
  for (const text of [
    "This scope is built in.",
    "Use only letters, digits, - and _",
    "Enter a name, or remove the row.",
  ])
    await page.getByText(text).waitFor();
  assert.equal(await page.getByText("Two scopes have this name.").count(), 2);
  assert.equal(await page.evaluate(() => document.activeElement.value), "tokens:read");
  await look(page, "scopes-refused");
  assert.deepEqual(puts, []);

  // An error from the API is shown beside its row too.
  await page.reload();
  await row(page, 2)
    .getByLabel("Description")
    .evaluate((field) => (field.value = "x".repeat(501)));
  await button(page, "Save…").click();
  await button(page, "Save catalogue").click();
  await row(page, 2).getByText("The value must have 0 to 500 characters.").waitFor();
  assert.equal(await dialog(page).count(), 0);
  assert.equal(puts.length, 1);
  assert.deepEqual(await catalogue(acme), before);
});

test("a concurrent change of the catalogue is not overwritten, and leaving with unsaved changes asks first", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/scopes", "Scopes");
  await row(page, 0).getByLabel("Description").fill("mine");
  const theirs = [...(await catalogue(acme)), { name: "theirs", description: "" }];
  await acme.admin.expect(200, "PUT", "/v1/scopes", { scopes: theirs });
  await button(page, "Save…").click();
  await button(page, "Save catalogue").click();
  await page.getByText("Someone else changed this").waitFor();
  assert.ok((await catalogue(acme)).some(({ name }) => name === "theirs"));
  await look(page, "scopes-overtaken");
  await button(page, "Reload").click();
  await page.waitForFunction(() => document.querySelectorAll(".catalogue tbody tr").length === 5);

  await row(page, 0).getByLabel("Description").fill("not saved");
  await page.getByRole("link", { name: "Members" }).click();
  await dialog(page).getByText("Your changes to the catalogue will be lost.").waitFor();
  await button(page, "Stay on this page").click();
  assert.equal(await row(page, 0).getByLabel("Description").inputValue(), "not saved");
  await page.getByRole("link", { name: "Members" }).click();
  await button(page, "Leave without saving").click();
  await page.getByRole("heading", { level: 1, name: "Members" }).waitFor();
});

test("a workspace manager who is not an admin cannot edit the catalogue or an admin", async (t) => {
  const acme = await deployment(t);
  const grants = ["workspace:manage", "tokens:read", "sessions:create"];
  await acme.admin.expect(201, "POST", "/v1/members", { id: "mo", name: "Mo", role: "member", grants });
  const { token } = await acme.admin.issue({ name: "Mo's sign-in", owner: "mo", scopes: grants });
  const page = await signedIn(t, acme, acme.admin.as(token));
  await visit(page, "#/scopes", "Scopes");
  await page.getByText("Only an admin can edit the catalogue").waitFor();
  assert.equal(await button(page, "Save…").count(), 0);
  await visit(page, "#/members/admin", "Admin");
  await page.getByText("Only an admin can edit an admin.").waitFor();
  assert.equal(await button(page, "Save changes").count(), 0);
  await visit(page, "#/new-member", "Add member");
  assert.deepEqual(await page.getByLabel("Role").locator("option").allTextContents(), [
    "Member: manages their own tokens",
  ]);
});

test("clients are listed, created and deleted", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/clients", "Clients");
  await page.getByText("No clients yet").waitFor();
  await look(page, "clients-none");
  await button(page, "Create client").click();
  await dialog(page).getByLabel("ID", { exact: true }).fill("with space");
  await dialog(page).getByLabel("Name", { exact: true }).fill("Scoreboard");
  await dialog(page).getByRole("checkbox", { name: "orders:read" }).check();
  await button(dialog(page), "Create client").click();
  await dialog(page).getByText("without spaces.", { exact: false }).last().waitFor();
  await look(page, "clients-add");
  await dialog(page).getByLabel("ID", { exact: true }).fill("scoreboard");
  await button(dialog(page), "Create client").click();
  await page.getByText("Client Scoreboard created.").waitFor();
  await page.locator("tbody").getByText("Scoreboard", { exact: true }).waitFor();
  const client = await acme.admin.expect(200, "GET", "/v1/clients/scoreboard");
  assert.deepEqual([client.name, client.permissions], ["Scoreboard", ["orders:read"]]);

  await acme.admin.issue({ name: "bound", scopes: ["orders:read"], client_id: "scoreboard" });
  await look(page, "clients");
  await page.getByRole("link", { name: "Tokens of Scoreboard" }).click();
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["bound"]);
  await visit(page, "#/clients", "Clients");
  await button(page, "Delete Scoreboard").click();
  await dialog(page).getByText("1 token has this client's ID.").waitFor();
  await look(page, "clients-delete");
  await button(page, "Delete client").click();
  await page.getByText("No clients yet").waitFor();
  assert.equal((await acme.admin.send("GET", "/v1/clients/scoreboard")).status, 404);
});
