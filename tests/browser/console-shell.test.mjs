// The console's shell: who gets in, what they are led to, and what the page is allowed to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, look, open, settled, signIn, signedIn, visit } from "./console.mjs";

test("signing in with a token, and out again", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  await look(page, "sign-in");

  await page.getByLabel("API token").fill("cft_mistyped_and_far_too_short");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("No such token was issued here.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")), "true");

  await signIn(page, acme.admin);
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
  assert.ok(!(await page.content()).includes(acme.admin.token), "the page keeps no token");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  assert.equal(await page.getByLabel("Workspace").inputValue(), "acme");
  await page.goto(`${page.base}#/tokens`);
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
});

test("the list of tokens, as an admin and as a member", async (t) => {
  const acme = await deployment(t);
  await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"], expires_in: 30 * 86_400 });
  const off = await acme.admin.issue({ name: "billing", scopes: ["invoices:read", "orders:read", "orders:write", "tokens:read"] });
  await acme.admin.expect(200, "PATCH", `/v1/tokens/${off.id}`, { enabled: false });
  await acme.admin.revoke((await acme.admin.issue({ name: "leaked", scopes: [] })).id);

  const names = (page) => page.locator("tbody th a").allTextContents();
  const admin = await signedIn(t, acme, acme.admin);
  await settled(admin);
  assert.deepEqual(await names(admin), ["leaked", "billing", "nightly export", "Ada's sign-in", "First admin token"]);
  await look(admin, "tokens");

  await admin.getByRole("button", { name: "Name" }).click();
  await settled(admin);
  assert.equal((await names(admin))[0], "nightly export");
  await admin.getByLabel("State").selectOption("disabled");
  await admin.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.deepEqual(await names(admin), ["billing"]);
  assert.match(admin.url(), /state=disabled&sort=-name$/);
  await admin.getByLabel("State").selectOption("");
  await admin.getByRole("searchbox").fill("nothing like it");
  await admin.getByText("No token is like that").waitFor();
  await look(admin, "tokens-none-found");

  const ada = await signedIn(t, acme, acme.ada);
  await settled(ada);
  assert.deepEqual(await names(ada), ["nightly export", "Ada's sign-in"]);
  assert.equal(await ada.getByRole("columnheader", { name: "Owner" }).count(), 0);
});

test("no page of the console may run what it did not come with", async (t) => {
  const acme = await deployment(t);
  const answer = await acme.app.fetch("/console/");
  const policy = answer.headers.get("content-security-policy");
  const directives = Object.fromEntries(policy.split("; ").map((one) => [one.split(" ")[0], one.split(" ").slice(1).join(" ")]));
  assert.deepEqual(directives, {
    "default-src": "'none'", "script-src": "'self' 'wasm-unsafe-eval'", "style-src": "'self'", "img-src": "'self'",
    "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'", "trusted-types": "'none'",
  });
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  const docs = await acme.app.fetch("/docs/errors");
  assert.match(docs.headers.get("content-security-policy"), /default-src 'none'; style-src 'self'/, "other pages run nothing at all");

  const page = await signedIn(t, acme, acme.admin);
  await settled(page);
  await assert.rejects(page.evaluate(() => (document.body.innerHTML = "<p>")), /TrustedHTML/);
  assert.match(page.complaints.splice(0).join(), /TrustedHTML/);
});
