// Members in the console: list, add, edit, suspend, revoke all tokens, erase.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");
const names = (page) => page.locator("tbody th a").allTextContents();

test("members are searched, filtered and sorted, and a member is added", async (t) => {
  const acme = await deployment(t);
  for (const [id, name] of [
    ["grace", "Grace Hopper"],
    ["alan", "Alan Turing"],
  ]) {
    await acme.admin.expect(201, "POST", "/v1/members", {
      id,
      name,
      role: "member",
      grants: [],
      email: `${id}@acme.example`,
    });
  }
  await acme.admin.expect(200, "PATCH", "/v1/members/alan", { state: "suspended" });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members", "Members");
  assert.deepEqual(await names(page), ["Ada Lovelace", "Admin", "Alan Turing", "Grace Hopper"]);
  await look(page, "members");
  await button(page, "Added").click();
  assert.deepEqual(await names(page), ["Alan Turing", "Grace Hopper", "Ada Lovelace", "Admin"]);
  await page.getByLabel("State").selectOption("suspended");
  assert.deepEqual(await names(page), ["Alan Turing"]);
  await page.getByLabel("State").selectOption("");
  await page.getByRole("searchbox").fill("GRACE@");
  assert.deepEqual(await names(page), ["Grace Hopper"]);
  await page.getByRole("searchbox").fill("nobody");
  await page.getByText("No matching members").waitFor();
  await look(page, "members-none-found");

  await page.getByRole("link", { name: "Add member" }).click();
  await page.getByRole("heading", { level: 1, name: "Add member" }).waitFor();
  await button(page, "Add member").click();
  await page.getByText("Enter an ID.").waitFor();
  await page.getByLabel("ID", { exact: true }).fill("ada");
  await page.getByLabel("Name", { exact: true }).fill("Another Ada");
  await page.getByLabel("Email address").fill("no address");
  await button(page, "Add member").click();
  await page.getByText("The e-mail address must have one @").waitFor();
  await look(page, "new-member");
  await page.getByLabel("Email address").fill("");
  await page.getByLabel("Quota").fill("many");
  await button(page, "Add member").click();
  await page.getByText("Enter a whole number.").waitFor();
  await page.getByLabel("Quota").fill("");
  await button(page, "Add member").click();
  await page.getByText("A member with this id already exists.").waitFor();

  await page.getByLabel("ID", { exact: true }).fill("edsger");
  await page.getByLabel("Name", { exact: true }).fill("Edsger Dijkstra");
  await page.getByLabel("Quota").fill("3");
  await page.getByRole("checkbox", { name: "orders:*" }).check();
  await button(page, "Add member").click();
  await page.getByRole("heading", { level: 1, name: "Edsger Dijkstra" }).waitFor();
  const { number, created_at, ...added } = await acme.admin.expect(200, "GET", "/v1/members/edsger");
  assert.deepEqual([added.role, added.grants, added.quota, added.email], ["member", ["orders:*"], 3, null]);
});

test("narrow screens show the current navigation entry, and cards can be sorted", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin, { viewport: { width: 360, height: 740 } });
  await visit(page, "#/members", "Members");
  const { left, right } = await page
    .locator(".sidebar [aria-current]")
    .evaluate((link) => link.getBoundingClientRect());
  assert.ok(left >= 0 && Math.floor(right) <= 360, `${left} to ${right}`);
  await page.getByLabel("Sort").selectOption("-name");
  assert.deepEqual(await names(page), ["Admin", "Ada Lovelace"]);
});

test("editing a member sends only the changed fields", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await page.getByText("added Ada Lovelace as a member").waitFor();
  await look(page, "member");
  const sent = [];
  page.on("request", (request) => request.method() === "PATCH" && sent.push(request.postDataJSON()));
  await button(page, "Save changes").click();
  await page.getByText("No changes to save.").waitFor();
  await page.getByLabel("Quota").fill("25");
  await page.getByRole("checkbox", { name: "invoices:read" }).check();
  await button(page, "Save changes").click();
  await page.getByText("changed the granted scopes and quota of Ada Lovelace").waitFor();
  assert.deepEqual(sent.length, 1);
  assert.deepEqual(Object.keys(sent[0]).sort(), ["grants", "quota"]);
  const ada = await acme.admin.expect(200, "GET", "/v1/members/ada");
  assert.equal(ada.quota, 25);
  assert.ok(ada.grants.includes("invoices:read") && ada.grants.includes("orders:*"), ada.grants.join());
  await page.getByLabel("Quota").fill("");
  await button(page, "Save changes").click();
  await page.getByText("quota: 25 → default").waitFor();
  assert.equal((await acme.admin.expect(200, "GET", "/v1/members/ada")).quota, 600);

  // The last active admin cannot be demoted.
  await visit(page, "#/members/admin", "Admin");
  await page.getByLabel("Role").selectOption("member");
  await button(page, "Save changes").click();
  await page.getByText("This is the last active admin").waitFor();
  await look(page, "member-refused");
});

test("the suspend dialog lists the tokens that stop working; reactivating makes them valid again", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await button(page, "Suspend…").click();
  await dialog(page).getByText("2 live tokens will stop working:").waitFor();
  await dialog(page).getByText("nightly export").waitFor();
  await look(page, "member-suspend");
  await page.keyboard.press("Escape");
  assert.equal(await acme.admin.code(token), "VALID");
  await button(page, "Suspend…").click();
  await button(dialog(page), "Suspend").click();
  await page.getByText("This member is suspended").waitFor();
  assert.equal(await acme.admin.code(token), "OWNER_SUSPENDED");
  await settled(page);
  await look(page, "member-suspended");
  await button(page, "Reactivate…").click();
  await button(dialog(page), "Reactivate").click();
  await button(page, "Suspend…").waitFor();
  assert.equal(await acme.admin.code(token), "VALID");
});

test("all tokens of a member are revoked at once; a member is erased after its ID is typed", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await button(page, "Revoke all tokens…").click();
  await dialog(page).getByText("This can't be undone.").waitFor();
  await dialog(page).getByText("by gateways (bounded checks) for up to 10 seconds").waitFor();
  await look(page, "member-revoke-all");
  await button(dialog(page), "Revoke all tokens").click();
  await page.getByText("revoked 2 tokens of Ada Lovelace").waitFor();
  assert.equal(await acme.admin.code(token), "REVOKED");

  await button(page, "Erase…").click();
  await dialog(page).getByText("This member has no live tokens.").waitFor();
  await button(page, "Erase member").click();
  await dialog(page).getByText("Type ada exactly.").waitFor();
  await look(page, "member-erase");
  await dialog(page).getByLabel("To confirm, type the member's ID: ada").fill("ada");
  await button(page, "Erase member").click();
  await page.getByRole("heading", { level: 1, name: "Members" }).waitFor();
  await settled(page);
  assert.deepEqual(await names(page), ["Admin"]);
  assert.equal((await acme.admin.send("GET", "/v1/members/ada")).status, 404);
});

test("members cannot open admin pages, and no data is requested for them", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await settled(page);
  const links = await page.getByRole("navigation", { name: "Main" }).getByRole("link").allTextContents();
  assert.deepEqual(links, ["Tokens", "Check a token", "Sessions", "Audit log", "API quickstart"]);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  for (const hash of ["#/members", "#/members/admin", "#/new-member", "#/clients", "#/scopes", "#/settings"]) {
    await page.goto(page.base + hash);
    await page.getByText("You need the workspace:manage scope").waitFor();
    await page.goto(`${page.base}#/check`);
    await page.getByRole("heading", { level: 1, name: "Check a token" }).waitFor();
  }
  assert.deepEqual(
    asked.filter((path) => path.startsWith("/v1/")),
    [],
    "no request was sent for these pages",
  );
});
