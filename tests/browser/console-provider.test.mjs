// Sign-in through an identity provider that the test runs: from the console to the provider and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startIssuer } from "../worker/issuer.mjs";
import { deployment, open, settled } from "./console.mjs";

/** A workspace that trusts an identity provider, where this person has an account. */
async function trusting(t, person, settings) {
  const [acme, issuer] = await Promise.all([deployment(t), startIssuer(t)]);
  const provider = { issuer: issuer.url, audience: "console", jwks_uri: null, member_by: "email", ...settings };
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: [provider] });
  await acme.admin.expect(200, "PATCH", "/v1/members/ada", { email: "ada@acme.example" });
  issuer.person = { sub: "1", ...person };
  return { acme, issuer };
}

async function find(page) {
  await page.getByLabel("Workspace").fill("acme");
  await page.getByRole("button", { name: "Find identity provider" }).click();
}

/** The same, and a page after the redirect to the provider and back. */
async function redirected(t, person) {
  const { acme, issuer } = await trusting(t, person, { sign_in: true });
  const page = await open(t, acme);
  await find(page);
  await page.getByRole("link", { name: `Sign in with ${new URL(issuer.url).host}` }).click();
  return { acme, issuer, page };
}

test("a member signs in through the identity provider; removing the provider ends the session", async (t) => {
  const { acme, issuer, page } = await redirected(t, { email: "ADA@acme.example", email_verified: true });
  await page.getByText("Ada Lovelace").waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["Ada's sign-in"]);
  const held = await page.context().cookies();
  assert.deepEqual(
    held.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
    [["__Host-counterfoil", true, "Strict"]],
  );
  assert.equal(new URL(page.url()).search, "", "the authorization code is removed from the address");

  // Removing the provider ends the sessions that it opened.
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: [] });
  await page.getByLabel("State").selectOption("all");
  await page.getByRole("dialog").getByLabel("API token").waitFor();
  assert.equal(issuer.count("/token"), 1);
});

test("a failed sign-in leads back to the sign-in page and does not disclose the cause", async (t) => {
  const { page } = await redirected(t, { email: "ada@acme.example", email_verified: false });
  await page
    .getByText(
      "Sign-in failed. Your account at the identity provider does not match an active member of this workspace",
    )
    .waitFor();
  assert.deepEqual(await page.context().cookies(), []);
});

test("behind Cloudflare Access a member signs in without a redirect", async (t) => {
  const { acme, issuer } = await trusting(t, { email: "ada@acme.example" }, { vouches_for_email: true });
  const page = await open(t, acme);
  await find(page);
  await page.getByText("No identity provider found for this workspace.").waitFor();
  // Access adds this header to every request that it lets through.
  await page.context().setExtraHTTPHeaders({ "cf-access-jwt-assertion": await issuer.token() });
  await find(page);
  await page.getByText("Ada Lovelace").waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["Ada's sign-in"]);
});
