// Settings and sessions in the console.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ROOT_TOKEN } from "../worker/harness.mjs";
import { deployment, look, settled, signedIn, visit } from "./console.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");
const read = (acme) => acme.admin.expect(200, "GET", "/v1/workspace");

/** Presses a save button, and waits until the page shows the saved state. */
async function save(page, name) {
  const form = await page.locator("main form").first().elementHandle();
  await button(page, name).click();
  // After saving, the page is loaded again with a new form.
  await page.waitForFunction((form) => !form.isConnected, form);
  await settled(page);
}

/** The bodies of the PATCH requests that the page sends. */
function patches(page) {
  const sent = [];
  page.on("request", (request) => request.method() === "PATCH" && sent.push(request.postDataJSON()));
  return sent;
}

test("every setting can be changed, and only changed settings are sent", async (t) => {
  const acme = await deployment(t);
  const root = acme.admin.as(ROOT_TOKEN);
  const answer = await root.send(
    "PATCH",
    "/v1/workspace",
    { hosts: ["api.acme.example"] },
    { "x-counterfoil-workspace": "acme" },
  );
  assert.equal(answer.status, 200);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/settings", "Settings");
  await page.getByText("api.acme.example").waitFor();
  await look(page, "settings");
  const sent = patches(page);
  await button(page, "Save settings").click();
  await page.getByText("No changes to save.").waitFor();

  await page.getByLabel("Token prefix").fill("Acme!");
  await button(page, "Save settings").click();
  await page.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.value), "Acme!");
  await page.getByLabel("Token prefix").fill("acme");
  await page.getByLabel("Name", { exact: true }).fill("Acme & Sons");
  await page.getByLabel("Default token quota").fill("many");
  await button(page, "Save settings").click();
  await page.getByText("Enter a whole number.").waitFor();
  await look(page, "settings-refused");
  await page.getByLabel("Default token quota").fill("50");
  await page.getByLabel("Maximum token lifetime", { exact: true }).fill("90");
  await page.getByLabel("Session duration", { exact: true }).fill("8");
  await page.getByLabel("Session duration: unit").selectOption("hour");
  await page.getByLabel("Verifier lease duration", { exact: true }).fill("61");
  await button(page, "Save settings").click();
  await page.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.value), "61");
  await page.getByLabel("Verifier lease duration", { exact: true }).fill("1");
  await page.getByLabel("Verifier lease duration: unit").selectOption("minute");
  await page.getByLabel("Snapshot validity", { exact: true }).fill("7");
  await page.getByLabel("Allowed origins").fill("https://app.acme.example\n\n https://acme.example \n");
  sent.splice(0);
  await save(page, "Save settings");
  assert.deepEqual(sent, [
    {
      name: "Acme & Sons",
      prefix: "acme",
      default_quota: 50,
      max_lifetime: 90 * 86_400,
      session_length: 8 * 3_600,
      lease_max: 60,
      snapshot_max: 7 * 86_400,
      allowed_origins: ["https://app.acme.example", "https://acme.example"],
    },
  ]);
  const workspace = await read(acme);
  assert.deepEqual(workspace.allowed_origins, ["https://acme.example", "https://app.acme.example"]);
  await page.locator(".workspace").getByText("Acme & Sons").waitFor();

  // An empty field removes the limit.
  await settled(page);
  await page.getByLabel("Maximum token lifetime", { exact: true }).fill("");
  await save(page, "Save settings");
  assert.equal((await read(acme)).max_lifetime, null);
  await page.getByLabel("Default token quota").fill("");
  await button(page, "Save settings").click();
  await page.getByText("Enter a value.").waitFor();
  await page.getByLabel("Default token quota").fill("50");
  await page.getByLabel("Verifier lease duration", { exact: true }).fill("");
  await button(page, "Save settings").click();
  await page.getByText("Enter a value.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.parentElement.className), "duration");

  // The revoke dialog names the new limits.
  await visit(page, "#/settings", "Settings");
  const { id } = await acme.admin.issue({ name: "nightly", scopes: [] });
  await visit(page, `#/tokens/${id}`, "nightly");
  await button(page, "Revoke…").click();
  await dialog(page).getByText("by gateways (bounded checks) for up to 1 minute").waitFor();
  await dialog(page).getByText("by offline verifiers until their snapshot expires, for up to 7 days").waitFor();
});

test("a shorter audit log retention asks for confirmation", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/settings", "Settings");
  await page.getByLabel("Audit log retention (days)").fill("90");
  await button(page, "Save settings").click();
  await dialog(page).getByText("Entries older than 90 days will be permanently deleted.").waitFor();
  await look(page, "settings-retention");
  await button(page, "Cancel").click();
  assert.equal((await read(acme)).audit_retention_days, null);
  await button(page, "Save settings").click();
  await button(page, "Save and delete").click();
  await page.getByText("Settings saved.").waitFor();
  assert.equal((await read(acme)).audit_retention_days, 90);
  // A longer retention deletes nothing and does not ask.
  await settled(page);
  await page.getByLabel("Audit log retention (days)").fill("365");
  await save(page, "Save settings");
  assert.equal((await read(acme)).audit_retention_days, 365);
});

test("identity providers are listed, added and removed, and an error is shown at its field", async (t) => {
  const acme = await deployment(t);
  const google = {
    issuer: "https://accounts.google.com",
    audience: "client-1",
    jwks_uri: null,
    member_by: "email",
    vouches_for_email: true,
    sign_in: true,
  };
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: [google] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/settings", "Settings");
  assert.equal(await page.getByLabel("Issuer").inputValue(), "https://accounts.google.com");
  await button(page, "Add provider").click();
  const second = page.getByRole("group", { name: "Provider 2" });
  await second.getByLabel("Issuer").fill("login.acme.example");
  await second.getByLabel("Audience").fill("console");
  await second.getByLabel("Identify members by").selectOption("subject");
  await second.getByLabel("Show on the sign-in page").uncheck();
  await button(page, "Save providers").click();
  await second.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.value), "login.acme.example");
  await second.getByText("Invalid value:").waitFor();
  await look(page, "settings-providers");
  await second.getByLabel("Issuer").fill("https://login.acme.example");
  await save(page, "Save providers");
  assert.deepEqual((await read(acme)).identity_providers, [
    google,
    {
      issuer: "https://login.acme.example",
      audience: "console",
      jwks_uri: null,
      member_by: "subject",
      vouches_for_email: false,
      sign_in: false,
    },
  ]);
  await button(page, "Remove provider 1").click();
  await save(page, "Save providers");
  assert.deepEqual(
    (await read(acme)).identity_providers.map(({ issuer }) => issuer),
    ["https://login.acme.example"],
  );

  await visit(page, "#/members/ada", "Ada Lovelace");
  await page.getByLabel("Subject").fill("00u1");
  await button(page, "Save changes").click();
  await page.getByText("changed the subject and identity provider of Ada Lovelace").waitFor();
  assert.equal((await acme.admin.expect(200, "GET", "/v1/members/ada")).subject, "00u1");
});

test("with several providers that identify members by subject, the page asks for the subject's provider", async (t) => {
  const acme = await deployment(t);
  const by = (issuer) => ({ issuer, audience: "console", jwks_uri: null, member_by: "subject" });
  const [one, other] = ["https://one.example", "https://other.example"];
  // A subject that was set before there were providers has no provider yet.
  await acme.admin.expect(200, "PATCH", "/v1/members/ada", { subject: "1001" });
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: [by(one), by(other)] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/members/ada", "Ada Lovelace");
  await page
    .getByText("This member cannot sign in with their subject until you select its identity provider.")
    .waitFor();
  await look(page, "member-subject-undecided");
  const ada = () => acme.admin.expect(200, "GET", "/v1/members/ada");
  // Other fields can still be changed.
  await page.getByLabel("Name", { exact: true }).fill("Ada L.");
  await save(page, "Save changes");
  assert.deepEqual([(await ada()).name, (await ada()).subject_issuer], ["Ada L.", null]);
  await page.getByLabel("Subject", { exact: true }).fill("1002");
  await button(page, "Save changes").click();
  await page.getByText("Select the identity provider that this subject belongs to.").waitFor();
  await page.getByLabel("Identity provider of the subject").selectOption(other);
  await save(page, "Save changes");
  assert.deepEqual([(await ada()).subject, (await ada()).subject_issuer], ["1002", other]);
});

test("members list and end their own sessions, admins all sessions", async (t) => {
  const acme = await deployment(t);
  const ada = await signedIn(t, acme, acme.ada);
  await visit(ada, "#/sessions", "Sessions");
  assert.deepEqual(await ada.locator("tbody th strong").allTextContents(), ["ada (current session)"]);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/sessions", "Sessions");
  assert.equal(await page.locator("tbody tr").count(), 2);
  await look(page, "sessions");
  await button(page, "End session of ada").click();
  await dialog(page).getByText("They will have to sign in again.").waitFor();
  await look(page, "sessions-end");
  await button(page, "End session").click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  await ada.reload();
  await ada.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();

  // A session that an identity provider opened names the provider instead of a token.
  const isList = ({ pathname }) => pathname === "/v1/sessions";
  await page.route(isList, async (route) => {
    const list = await (await route.fetch()).json();
    list.items[0] = { ...list.items[0], created_by: null, issuer: "https://login.acme.example" };
    await route.fulfill({ json: list });
  });
  await page.reload();
  await page.getByRole("cell", { name: "https://login.acme.example" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "token", exact: true }).count(), 0);
  await page.unroute(isList);
  await page.reload();
  await page.getByRole("link", { name: "token", exact: true }).waitFor();

  await button(page, "End session of admin").click();
  await dialog(page).getByText("You will be signed out.").waitFor();
  await button(page, "End session").click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
});

test("the settings show storage use and warn when it fills up", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/settings", "Settings");
  await page.getByText(/^\d+ kB of 10 GB used \(less than 1 %\)$/).waitFor();
  assert.equal(await page.locator("main .notice.warn").count(), 0);

  // Simulates a fuller storage.
  const simulate = async (share) => {
    await page.unroute("**/v1/workspace");
    await page.route("**/v1/workspace", async (route) => {
      const response = await route.fetch();
      const workspace = await response.json();
      workspace.storage.used_bytes = share * workspace.storage.limit_bytes;
      await route.fulfill({ response, json: workspace });
    });
    await page.reload();
    await settled(page);
  };
  await simulate(0.74);
  await page.getByText("7.4 GB of 10 GB used (74 %)").waitFor();
  assert.equal(await page.locator("main .notice.warn").count(), 0);
  await simulate(0.75);
  await page.getByText("7.5 GB of 10 GB used (75 %)").waitFor();
  await page.getByText("The storage is filling up.").waitFor();
  await simulate(0.92);
  await page.getByText("9.2 GB of 10 GB used (92 %)").waitFor();
  await page.getByText("The storage is nearly full").waitFor();
  await look(page, "settings-full");
});
