// Sessions on the real runtime.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, COOKIE, logged, withForgedSeal, workspace } from "./client.mjs";
import { start } from "./harness.mjs";

test("a session survives a restart, and ends immediately with its token", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const ada = { id: "ada", name: "Ada", role: "member", grants: ["tokens:*", "sessions:create", "orders:*"] };
  await admin.expect(201, "POST", "/v1/members", ada);
  const scopes = ["tokens:read", "tokens:write", "sessions:create", "orders:read"];
  const token = await admin.issue({ name: "Ada's", owner: "ada", scopes });
  const browser = await admin.as(token.token).open();
  assert.ok(browser.text.startsWith(`ses_${key}`));
  const { headers, body } = browser.opened;
  assert.equal(headers.get("location"), "/v1/session");
  const cookie = `${COOKIE}=${browser.text}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200`;
  assert.equal(headers.get("set-cookie"), cookie);
  assert.ok(!JSON.stringify(body).includes(browser.text.slice(10, 34)), "the session value is in no body");
  assert.deepEqual(body.member, { id: "ada", number: 2 });
  assert.deepEqual(body.scopes.toSorted(), scopes.toSorted());
  assert.equal(Date.parse(body.expires_at) - Date.parse(body.created_at), 43_200_000);

  const made = await browser.issue({ name: "from the page", scopes: ["orders:read"] });
  assert.equal(made.created_by, body.id);
  await app.crash();
  assert.deepEqual(await browser.expect(200, "GET", "/v1/session"), body);
  assert.deepEqual((await admin.expect(200, "GET", "/v1/sessions")).items, [body]);
  const rows = await admin.expect(200, "GET", `/v1/audit?actor=${body.id}`);
  assert.deepEqual(
    rows.items.map(({ action, subject }) => [action, subject]),
    [["token.create", made.id]],
  );

  await admin.expect(200, "PATCH", `/v1/tokens/${token.id}`, { scopes: ["sessions:create"] });
  assert.equal((await browser.send("POST", "/v1/tokens", { name: "", scopes: [] })).body.code, "INSUFFICIENT_SCOPE");
  assert.deepEqual((await browser.expect(200, "GET", "/v1/session")).scopes, ["sessions:create"]);

  await admin.revoke(token.id);
  // No wait and no poll: the revocation has returned, so it is effective.
  for (const path of ["/v1/session", "/v1/tokens", "/v1/tokens/self"]) {
    const refused = await browser.send("GET", path);
    assert.deepEqual([refused.status, refused.body.code], [401, "REVOKED"]);
  }
  assert.deepEqual((await admin.expect(200, "GET", "/v1/sessions")).items, []);
});

test("an ended session stays ended after a power cut", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const [one, other] = [await admin.open(), await admin.open()];
  const ended = await one.send("DELETE", "/v1/session");
  assert.equal(ended.status, 200);
  assert.equal(ended.headers.get("set-cookie"), `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`);
  await other.expect(200, "DELETE", `/v1/sessions/${other.opened.body.id}`);
  for (const when of ["immediately", "after the restart"]) {
    for (const browser of [one, other]) {
      assert.equal((await browser.send("GET", "/v1/session")).body.code, "SESSION_ENDED", when);
    }
    await app.crash();
  }
});

test("a forged cookie or a cross-origin page reaches no ledger", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const browser = await admin.open();
  const calls = app.ledger.count("fetch");
  for (const text of [withForgedSeal(browser.text), `${browser.text}x`, admin.token, "nonsense", ""]) {
    const answer = await new Browser(app, text).send("GET", "/v1/tokens");
    assert.deepEqual([answer.status, answer.body.code], [401, "SESSION_ENDED"], text);
    assert.equal((await logged(app, answer)).ledger_calls, 0);
  }
  const as = admin.as(browser.text);
  assert.equal((await as.send("GET", "/v1/tokens")).body.code, "UNKNOWN", "a session value is not a token");
  const { port, host, origin } = new URL(app.url);
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: `https://${host}` },
    { origin: `http://localhost:${port}` },
    { origin: `http://127.0.0.1:${Number(port) - 1}` },
    { origin: "null" },
    { origin, "sec-fetch-site": "same-site" },
  ]) {
    const answer = await browser.send("POST", "/v1/tokens", { name: "", scopes: [] }, headers);
    assert.deepEqual([answer.status, answer.body.code], [403, "CROSS_ORIGIN"], JSON.stringify(headers));
  }
  assert.equal(app.ledger.count("fetch"), calls);
  await browser.issue({ scopes: [] });
});
