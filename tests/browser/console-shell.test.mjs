// The console's shell: sign-in, navigation, the token list, error states and the Content Security Policy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, look, open, settled, signIn, signedIn, visit } from "./console.mjs";

test("sign in with a token, and sign out", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  await look(page, "sign-in");

  await page.getByLabel("API token").fill("cft_mistyped_and_far_too_short");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("This token does not exist.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")), "true");

  await signIn(page, acme.admin);
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
  const kept = await page.evaluate(() =>
    JSON.stringify([
      document.documentElement.outerHTML,
      [...document.querySelectorAll("input")].map(({ value }) => value),
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
    ]),
  );
  assert.ok(!kept.includes(acme.admin.token), "the page keeps no token");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  assert.equal(await page.getByLabel("Workspace").inputValue(), "acme");
  await page.goto(`${page.base}#/tokens`);
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
});

test("the token list shows active tokens by default, filters and sorts, for an admin and a member", async (t) => {
  const acme = await deployment(t);
  await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"], expires_in: 30 * 86_400 });
  const off = await acme.admin.issue({
    name: "billing",
    scopes: ["invoices:read", "orders:read", "orders:write", "tokens:read"],
  });
  await acme.admin.expect(200, "PATCH", `/v1/tokens/${off.id}`, { enabled: false });
  const leaked = await acme.admin.issue({ name: "leaked", scopes: [] });
  await acme.admin.revoke(leaked.id);

  const names = (page) => page.locator("tbody th a").allTextContents();
  const admin = await signedIn(t, acme, acme.admin);
  await settled(admin);
  assert.equal(await admin.getByLabel("State").inputValue(), "active");
  assert.deepEqual(await names(admin), ["nightly export", "Ada's sign-in", "First admin token"]);
  assert.match(admin.url(), /#\/tokens$/);
  await look(admin, "tokens");
  await admin.getByLabel("State").selectOption("all");
  await admin.waitForFunction(() => document.querySelectorAll("tbody tr").length === 5);
  assert.deepEqual(await names(admin), ["leaked", "billing", "nightly export", "Ada's sign-in", "First admin token"]);
  assert.match(admin.url(), /state=all$/);
  await look(admin, "tokens-all");

  await admin.getByRole("button", { name: "Name" }).click();
  await settled(admin);
  assert.equal((await names(admin))[0], "nightly export");
  await admin.getByLabel("State").selectOption("disabled");
  await admin.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.deepEqual(await names(admin), ["billing"]);
  assert.match(admin.url(), /state=disabled&?/);
  assert.match(admin.url(), /sort=-name&?/);

  // The revoked token is hidden by the default filter: the list says so, and its page opens by a link.
  await visit(admin, "#/tokens?q=leaked", "Tokens");
  await admin.getByText("No matching tokens are active").waitFor();
  await look(admin, "tokens-none-active");
  await admin.getByRole("link", { name: "Show 1 token" }).click();
  await admin.getByRole("link", { name: "leaked" }).waitFor();
  assert.equal(await admin.getByLabel("State").inputValue(), "all");
  await admin.goBack();
  await admin.getByText("No matching tokens are active").waitFor();
  await visit(admin, `#/tokens/${leaked.id}`, "leaked");
  await visit(admin, "#/tokens", "Tokens");
  await admin.getByRole("searchbox").fill("nothing like it");
  await admin.getByText("No matching tokens", { exact: true }).waitFor();
  await look(admin, "tokens-none-found");

  const ada = await signedIn(t, acme, acme.ada, { viewport: { width: 360, height: 740 } });
  await settled(ada);
  assert.deepEqual(await names(ada), ["nightly export", "Ada's sign-in"]);
  await ada.getByLabel("Sort").selectOption("name");
  await ada.waitForFunction(() => document.querySelector("tbody th a").textContent === "Ada's sign-in");
  assert.equal(await ada.getByRole("columnheader", { name: "Owner" }).count(), 0);
});

test("the Content Security Policy forbids foreign and inline scripts on every page", async (t) => {
  const acme = await deployment(t);
  const answer = await acme.app.fetch("/console/");
  const policy = answer.headers.get("content-security-policy");
  const directives = Object.fromEntries(
    policy.split("; ").map((one) => [one.split(" ")[0], one.split(" ").slice(1).join(" ")]),
  );
  assert.deepEqual(directives, {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
  });
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  const docs = await acme.app.fetch("/docs/errors");
  assert.match(
    docs.headers.get("content-security-policy"),
    /default-src 'none'; style-src 'self'/,
    "other pages run no scripts",
  );

  const page = await signedIn(t, acme, acme.admin);
  await settled(page);
  await assert.rejects(
    page.evaluate(() => (document.body.innerHTML = "<p>")),
    /TrustedHTML/,
  );
  assert.match(page.complaints.splice(0).join(), /TrustedHTML/);
});

test("after the session has ended, signing in again keeps the input and repeats the request", async (t) => {
  const acme = await deployment(t);
  const page = await signedIn(t, acme, acme.ada);
  const end = async () => {
    const { items } = await acme.admin.expect(200, "GET", "/v1/sessions");
    for (const { id } of items) await acme.admin.expect(200, "DELETE", `/v1/sessions/${id}`);
  };
  const dialog = page.getByRole("dialog");
  await visit(page, "#/new", "Create token");
  await page.getByLabel("Name", { exact: true }).fill("typed before");
  await page.getByLabel("orders:read").check();
  await end();
  await page.getByRole("button", { name: "Create token" }).click();
  await dialog.getByText("Sign in to Acme again as Ada Lovelace.").waitFor();
  await look(page, "session-over");
  for (let presses = 0; presses < 3; presses++) await page.keyboard.press("Escape");
  await dialog.getByLabel("API token").fill(acme.ada.token);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Token created" }).waitFor();
  const { items, total } = await acme.admin.expect(200, "GET", "/v1/tokens?q=typed");
  assert.deepEqual([total, items[0].scopes], [1, ["orders:read"]]);
  await page.getByRole("button", { name: "Copy" }).click();

  // Concurrent requests open one dialog, and each of them is repeated.
  await visit(page, "#/tokens", "Tokens");
  await end();
  await page.getByRole("link", { name: "typed before" }).click();
  await dialog.waitFor();
  assert.equal(await dialog.count(), 1);
  await dialog.getByLabel("API token").fill(acme.ada.token);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "typed before" }).waitFor();
  assert.equal(await dialog.count(), 0);

  // Leaving instead signs out.
  await settled(page);
  await end();
  await page.getByLabel("Name", { exact: true }).fill("never saved");
  await page.getByRole("button", { name: "Save changes" }).click();
  await dialog.getByRole("button", { name: "Leave this page and sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  assert.equal((await acme.admin.expect(200, "GET", "/v1/tokens?q=never")).total, 0);
});

test("another member who signs in does not see the previous member's page", async (t) => {
  const acme = await deployment(t);
  await acme.admin.issue({ name: "for admins only", scopes: [] });
  const page = await signedIn(t, acme, acme.admin);
  await settled(page);
  await page.context().clearCookies();
  await page.getByLabel("State").selectOption("all");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("API token").fill(acme.ada.token);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("Ada Lovelace").waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["Ada's sign-in"]);
});

test("sign-in with an identity provider: finding it, its link, and its errors", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  const issuer = "https://login.acme.example/realms/staff";
  await page.route("**/v1/session/providers?*", (route) => {
    const known = new URL(route.request().url()).searchParams.get("workspace") === "acme";
    return route.fulfill({ json: { providers: known ? [{ issuer }, { issuer: "javascript:alert(1)" }] : [] } });
  });
  const find = page.getByRole("button", { name: "Find identity provider" });
  await page.getByLabel("Workspace").fill("other");
  await find.click();
  await page.getByText("No identity provider found for this workspace.").waitFor();
  await page.getByLabel("Workspace").fill("acme");
  await find.click();
  const link = page.getByRole("link", { name: "Sign in with login.acme.example" });
  assert.equal(
    await link.getAttribute("href"),
    `/v1/session/start?workspace=acme&issuer=${encodeURIComponent(issuer)}`,
  );
  for (const href of await page.locator(".providers a").evaluateAll((links) => links.map(({ protocol }) => protocol)))
    assert.equal(href, "http:");
  await look(page, "sign-in-providers");

  await page.goto(`${page.base}#/sign-in?failed=PROVIDER_UNAVAILABLE`);
  await page.getByText("The identity provider did not respond.").waitFor();
  await page.getByRole("link", { name: "PROVIDER_UNAVAILABLE" }).waitFor();
  await page.goto(`${page.base}#/sign-in?failed=%3Cimg%20src=x%20onerror=alert(1)%3E`);
  await page.reload();
  await page.getByText("Sign-in failed.").waitFor();
  assert.equal(await page.locator("main img").count(), 0);
});

test("missing pages and pages without access say so", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "sign-in only", owner: "ada", scopes: ["sessions:create"] });
  const page = await signedIn(t, acme, acme.admin.as(token));
  await page.getByText("You need the tokens:read scope").waitFor();
  assert.deepEqual(await page.locator(".sidebar nav a").allTextContents(), ["Check a token", "API quickstart"]);
  await look(page, "access-denied");
  await visit(page, "#/nowhere", "Page not found");
  await visit(page, "#/call", "API quickstart");
  await look(page, "call");
  const ada = await signedIn(t, acme, acme.ada);
  await visit(ada, "#/tokens/tok_nobody", "Not found");
  await visit(ada, "#/tokens/%E0%A4%A", "Page not found");
});

test("a failed request shows the error and can be retried", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.route("**/v1/tokens?*", (route) =>
    route.fulfill({
      status: 503,
      json: {
        code: "LEDGER_UNAVAILABLE",
        title: "Ledger unavailable",
        detail: "The ledger did not answer.",
        request_id: "req_1",
      },
    }),
  );
  await signIn(page, acme.admin);
  await page.getByText("The ledger did not answer.").waitFor();
  await look(page, "tokens-failed");
  await page.unroute("**/v1/tokens?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: "First admin token" }).waitFor();
});

test("the chart of uses has an accessible description", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  // Verifiers report uses with a delay of up to a minute, so the test simulates them.
  await page.route("**/v1/tokens?*", async (route) => {
    const answer = await route.fetch();
    const list = await answer.json();
    list.items[0].daily_uses = Array.from({ length: 30 }, (_, day) => (day % 7 === 6 ? 0 : day * day * 3));
    list.items[0].last_used_at = new Date().toISOString();
    await route.fulfill({ response: answer, json: list });
  });
  await signIn(page, acme.admin);
  await page.getByRole("img", { name: /^[0-9,]+ uses in 30 days$/ }).waitFor();
  assert.equal(await page.locator(".uses rect").count(), 30);
  await look(page, "tokens-uses");
});

test("a session from an identity provider can create tokens with the member's granted scopes", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.route("**/v1/session", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    const answer = await route.fetch();
    const issuer = "https://login.acme.example";
    return route.fulfill({
      response: answer,
      json: answer.ok() ? { ...(await answer.json()), created_by: null, issuer } : await answer.json(),
    });
  });
  await signIn(page, acme.ada);
  await visit(page, "#/new", "Create token");
  await page.getByLabel("orders:write").waitFor();
  await settled(page);
  await page.getByRole("link", { name: "Tokens" }).first().click();
  await page.getByRole("link", { name: "Ada's sign-in" }).click();
  await page.getByRole("button", { name: "Save changes" }).waitFor();
});
