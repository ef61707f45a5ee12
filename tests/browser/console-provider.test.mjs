// Signing in where one has one's account: through the console, to a provider that the test runs, and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startIssuer } from "../worker/issuer.mjs";
import { deployment, open, settled } from "./console.mjs";

/** A workspace that trusts a provider, by which this person is known. */
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
  await page.getByRole("button", { name: "Find its identity provider" }).click();
}

/** The same, and a browser that has been led to the provider and back. */
async function led(t, person) {
  const { acme, issuer } = await trusting(t, person, { sign_in: true });
  const page = await open(t, acme);
  await find(page);
  await page.getByRole("link", { name: `Sign in at ${new URL(issuer.url).host}` }).click();
  return { acme, issuer, page };
}

test("a member signs in at the provider, and acts as itself", async (t) => {
  const { acme, issuer, page } = await led(t, { email: "ADA@acme.example", email_verified: true });
  await page.getByText("Ada Lovelace").waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["Ada's sign-in"]);
  const held = await page.context().cookies();
  assert.deepEqual(
    held.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
    [["__Host-counterfoil", true, "Strict"]],
  );
  assert.equal(new URL(page.url()).search, "", "the code is gone from the address");

  // The provider is trusted no more: so are those it let in.
  await acme.admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: [] });
  await page.getByLabel("State").selectOption("active");
  await page.getByRole("dialog").getByLabel("API token").waitFor();
  assert.equal(issuer.count("/token"), 1);
});

test("whom the provider does not vouch for is led back, and told no more than that", async (t) => {
  const { page } = await led(t, { email: "ada@acme.example", email_verified: false });
  await page
    .getByText("You were not signed in: the identity provider vouched for nobody who takes part here.")
    .waitFor();
  assert.deepEqual(await page.context().cookies(), []);
});

test("behind Cloudflare Access nobody goes anywhere to sign in", async (t) => {
  const { acme, issuer } = await trusting(t, { email: "ada@acme.example" }, { vouches_for_email: true });
  const page = await open(t, acme);
  await find(page);
  await page.getByText("Nobody signs in to this workspace by an identity provider.").waitFor();
  // Access adds this to whatever it lets through.
  await page.context().setExtraHTTPHeaders({ "cf-access-jwt-assertion": await issuer.token() });
  await find(page);
  await page.getByText("Ada Lovelace").waitFor();
  await settled(page);
  assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["Ada's sign-in"]);
});
