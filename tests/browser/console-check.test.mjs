// Checking a token in the page, which tells nobody of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { withTypo } from "../worker/client.mjs";
import { deployment, look, open, settled, signedIn, visit } from "./console.mjs";

/** Everything that the page sends: addresses, headers and bodies. */
function recorded(page) {
  const sent = [];
  page.on("request", async (request) => {
    const headers = await request.allHeaders().catch(() => request.headers());
    sent.push([request.url(), request.postData() ?? "", JSON.stringify(headers)].join("\n"));
  });
  return sent;
}

/** Whether any twelve characters in a row of a secret are in a text. */
function leaks(text, secret) {
  for (let start = 0; start + 12 <= secret.length; start++) {
    if (text.includes(secret.slice(start, start + 12))) return true;
  }
  return false;
}

const field = (page) => page.getByLabel("Paste a token");

test("a pasted token is told from a mistyped one and from what is none, and found by its digest", async (t) => {
  const acme = await deployment(t);
  const { token } = await acme.admin.issue({ name: "nightly export", owner: "ada", scopes: ["orders:read"], expires_in: 30 * 86_400 });
  const page = await signedIn(t, acme, acme.ada);
  await visit(page, "#/check", "Check a token");
  await look(page, "check");

  await field(page).fill(`  ${token}\n`);
  await page.getByText("Well formed.").waitFor();
  await page.getByText(createHash("sha256").update(token).digest("hex")).waitFor();
  await page.getByText("Acme, which you are signed in to").waitFor();
  await page.getByRole("link", { name: "nightly export" }).waitFor();
  await look(page, "check-known");

  await field(page).fill(withTypo(token));
  await page.getByText("Mistyped.").waitFor();
  assert.equal(await page.getByRole("link", { name: "nightly export" }).count(), 0);
  await look(page, "check-mistyped");
  await field(page).fill(`${token.slice(0, 20)} ${token.slice(20)}`);
  await page.getByText("There are spaces").waitFor();
  await field(page).fill("short");
  await page.getByText("Not a token.").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await page.getByText("Not a token.").count(), 0);

  // Rotated, it is known by its former text too; somebody else's is nobody's.
  const { items } = await acme.admin.expect(200, "GET", "/v1/tokens?q=nightly");
  await acme.admin.expect(200, "POST", `/v1/tokens/${items[0].id}/rotate`, { grace_seconds: 60 });
  await field(page).fill(token);
  await page.getByText("This is a former text of it").waitFor();
  await field(page).fill(acme.admin.token);
  await page.getByText("It is none of the tokens that you may see.").waitFor();
  await look(page, "check-unknown");
});

test("an imported token is looked for when somebody says so, and not before", async (t) => {
  const acme = await deployment(t);
  const text = "sk_live_0123456789abcdefghijkl";
  const digest = createHash("sha256").update(text).digest("hex");
  await acme.admin.expect(200, "POST", "/v1/tokens/import", { tokens: [{ digest, name: "from elsewhere", scopes: [] }] });
  const page = await signedIn(t, acme, acme.admin);
  await visit(page, "#/check", "Check a token");
  const sent = recorded(page);
  await field(page).pressSequentially(text);
  await page.getByText("Not issued here.").waitFor();
  assert.deepEqual(sent, [], "digests of half a secret would tell it");
  await look(page, "check-foreign");
  await page.getByRole("button", { name: "Look for its digest" }).click();
  await page.getByRole("link", { name: "from elsewhere" }).waitFor();
  assert.equal(sent.length, 1);
  assert.ok(sent[0].includes(digest));
});

test("no request carries the token that is checked, nor a part of it", async (t) => {
  const acme = await deployment(t);
  const issued = await acme.admin.issue({ name: "watched", scopes: ["orders:read"] });
  const page = await signedIn(t, acme, acme.admin);
  const sent = recorded(page);
  await visit(page, "#/check", "Check a token");
  await field(page).fill(issued.token);
  await page.getByRole("link", { name: "watched" }).waitFor();
  await field(page).fill(withTypo(issued.token));
  await page.getByText("Mistyped.").waitFor();
  await field(page).fill(`${issued.token}x`);
  await page.getByText("Not issued here.").waitFor();
  await page.getByText("It begins like a token of Acme").waitFor();
  await page.getByRole("button", { name: "Look for its digest" }).click();
  await page.getByText("It is none of the tokens that you may see.").waitFor();
  await visit(page, "#/tokens", "Tokens");
  await settled(page);
  assert.ok(sent.some((one) => one.includes(issued.digest)), "requests are recorded");
  for (const one of sent) assert.ok(!leaks(one, issued.token), "a request has a part of the token");
  assert.ok(!leaks(page.url() + await page.content(), issued.token), "nor does the page keep it");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  assert.ok(!leaks(kept, issued.token));
});

test("whoever is not signed in learns what a text is, and nobody is asked", async (t) => {
  const acme = await deployment(t);
  const page = await open(t, acme);
  await page.goto(`${page.base}#/check`);
  await field(page).waitFor();
  const sent = recorded(page);
  await field(page).fill(acme.ada.token);
  await page.getByText("Well formed.").waitFor();
  await look(page, "check-signed-out");
  assert.deepEqual(sent, []);
});
