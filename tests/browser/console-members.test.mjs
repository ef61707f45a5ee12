// Members in the console: added, changed, suspended, and what becomes of their tokens.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");
const names = (page) => page.locator("tbody th a").allTextContents();

test("the members are found, sorted, and one is added", async (t) => {
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
  await page.getByText("No member is like that").waitFor();
  await look(page, "members-none-found");

  await page.getByRole("link", { name: "Add a member" }).click();
  await page.getByRole("heading", { level: 1, name: "Add a member" }).waitFor();
  await button(page, "Add the member").click();
  await page.getByText("Give an id.").waitFor();
  await page.getByLabel("Id", { exact: true }).fill("ada");
  await page.getByLabel("Name", { exact: true }).fill("Another Ada");
  await page.getByLabel("E-mail address").fill("no address");
  await button(page, "Add the member").click();
  await page.getByText("An address has one @").waitFor();
  await look(page, "new-member");
  await page.getByLabel("E-mail address").fill("");
  await page.getByLabel("Quota").fill("many");
  await button(page, "Add the member").click();
  await page.getByText("A quota is a whole number.").waitFor();
  await page.getByLabel("Quota").fill("");
  await button(page, "Add the member").click();
  await page.getByText("There is already a member with this id.").waitFor();

  await page.getByLabel("Id", { exact: true }).fill("edsger");
  await page.getByLabel("Name", { exact: true }).fill("Edsger Dijkstra");
  await page.getByLabel("Quota").fill("3");
  await page.getByRole("checkbox", { name: "orders:*" }).check();
  await button(page, "Add the member").click();
  await page.getByRole("heading", { level: 1, name: "Edsger Dijkstra" }).waitFor();
  const { number, created_at, ...added } = await acme.admin.expect(200, "GET", "/v1/members/edsger");
  assert.deepEqual([added.role, added.grants, added.quota, added.email], ["member", ["orders:*"], 3, null]);
});

test("on a narrow screen the way around shows where one is, and cards are sorted too", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin, { viewport: { width: 360, height: 740 } });
  await visit(page, "#/members", "Members");
  const { left, right } = await page.locator(".stub [aria-current]").evaluate((link) => link.getBoundingClientRect());
  assert.ok(left >= 0 && Math.floor(right) <= 360, `${left} to ${right}`);
  await page.getByLabel("Sort").selectOption("-name");
  assert.deepEqual(await names(page), ["Admin", "Ada Lovelace"]);
});

test("what is changed of a member is what was touched, and nothing else", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await page.getByText("added Ada Lovelace as a member").waitFor();
  await look(page, "member");
  const sent = [];
  page.on("request", (request) => request.method() === "PATCH" && sent.push(request.postDataJSON()));
  await button(page, "Save changes").click();
  await page.getByText("Nothing was changed.").waitFor();
  await page.getByLabel("Quota").fill("25");
  await page.getByRole("checkbox", { name: "invoices:read" }).check();
  await button(page, "Save changes").click();
  await page.getByText("changed the grants and quota of Ada Lovelace").waitFor();
  assert.deepEqual(sent.length, 1);
  assert.deepEqual(Object.keys(sent[0]).sort(), ["grants", "quota"]);
  const ada = await acme.admin.expect(200, "GET", "/v1/members/ada");
  assert.equal(ada.quota, 25);
  assert.ok(ada.grants.includes("invoices:read") && ada.grants.includes("orders:*"), ada.grants.join());
  await page.getByLabel("Quota").fill("");
  await button(page, "Save changes").click();
  await page.getByText("quota: 25 → the default").waitFor();
  assert.equal((await acme.admin.expect(200, "GET", "/v1/members/ada")).quota, 600);

  // The last admin stays one, and the page says why.
  await visit(page, "#/members/admin", "Admin");
  await page.getByLabel("Role").selectOption("member");
  await button(page, "Save changes").click();
  await page.getByText("This is the last active admin").waitFor();
  await look(page, "member-refused");
});

test("suspending a member says what stops, and reactivating brings it back", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await button(page, "Suspend…").click();
  await dialog(page).getByText("This stops 2 live tokens:").waitFor();
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

test("all tokens of a member are revoked at once, and a member is removed after its id was typed", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await button(page, "Revoke all tokens…").click();
  await dialog(page).getByText("there is no way back").waitFor();
  await dialog(page).getByText("Gateways may accept them for up to 10 seconds more").waitFor();
  await look(page, "member-revoke-all");
  await button(dialog(page), "Revoke all").click();
  await page.getByText("revoked 2 tokens of Ada Lovelace").waitFor();
  assert.equal(await acme.admin.code(token), "REVOKED");

  await button(page, "Remove…").click();
  await dialog(page).getByText("They have no live tokens.").waitFor();
  await button(page, "Remove the member").click();
  await dialog(page).getByText("This is not ada.").waitFor();
  await look(page, "member-remove");
  await dialog(page).getByLabel("Type the id ada").fill("ada");
  await button(page, "Remove the member").click();
  await page.getByRole("heading", { level: 1, name: "Members" }).waitFor();
  await settled(page);
  assert.deepEqual(await names(page), ["Admin"]);
  assert.equal((await acme.admin.send("GET", "/v1/members/ada")).status, 404);
});

test("a member sees none of the admins' pages", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  await settled(page);
  const links = await page
    .getByRole("navigation", { name: "Pages of the console" })
    .getByRole("link")
    .allTextContents();
  assert.deepEqual(links, ["Tokens", "Check a token", "Sessions", "Audit", "Call the API"]);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  for (const hash of ["#/members", "#/members/admin", "#/new-member", "#/clients", "#/scopes", "#/settings"]) {
    await page.goto(page.base + hash);
    await page.getByText("needs the scope workspace:manage").waitFor();
    await page.goto(`${page.base}#/check`);
    await page.getByRole("heading", { level: 1, name: "Check a token" }).waitFor();
  }
  assert.deepEqual(
    asked.filter((path) => path.startsWith("/v1/")),
    [],
    "nothing of them was even asked for",
  );
});
