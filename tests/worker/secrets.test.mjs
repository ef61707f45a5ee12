// No token value, and no part of a secret, is stored or logged anywhere.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { Browser, Client, logged, workspace } from "./client.mjs";
import { ROOT_TOKEN, eventually, start } from "./harness.mjs";
import { finder, leaks, secretOf } from "./leaks.mjs";

test("no secret is on disk or in the log after using all routes", async (t) => {
  const app = await start(t);
  const acme = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const issued = [];
  for (const scopes of [["orders:read"], ["tokens:verify"], ["tokens:read"]]) {
    issued.push(await acme.admin.issue({ name: "ci", note: "for the pipeline", scopes, metadata: { team: 1 } }));
  }
  const [live, gate, revoked] = issued;
  await acme.admin.revoke(revoked.id);
  const asker = new Client(app, gate.token);
  for (const { token } of issued) {
    for (const freshness of ["strong", "eventual"]) await asker.verify(token, { freshness });
    // In every place where a client may put one by mistake.
    await acme.admin.send("GET", `/v1/tokens/${token}`);
    await acme.admin.send("GET", `/v1/tokens?cursor=${token}`);
    await acme.admin.send("GET", `/v1/tokens?${token}=1`);
    await acme.admin.send("POST", "/v1/verify", { [token]: token });
    await acme.admin.send(`${token}`, `/${token}`);
    await new Client(app, `${token}x`).send("GET", "/v1/tokens/self");
  }
  const browser = await acme.admin.open();
  for (const text of [browser.text, `${browser.text}x`]) {
    const page = new Browser(app, text);
    await page.send("POST", "/v1/tokens", { name: "", scopes: [] });
    await page.send("POST", "/v1/session");
    await new Client(app, text).send("GET", "/v1/tokens/self");
    await acme.admin.verify(text);
    await acme.admin.send("DELETE", `/v1/sessions/${text}`);
    await acme.admin.send("GET", `/v1/sessions?cursor=${text}`);
    await acme.admin.send("GET", `/v1/audit?actor=${text}`);
    await acme.admin.send("POST", "/v1/session", { [text]: text });
  }
  const ended = await acme.admin.open();
  await ended.expect(200, "DELETE", "/v1/session");
  app.ledger.fail("fetch", "lost");
  assert.equal((await acme.admin.send("POST", "/v1/tokens", { name: "", scopes: [] })).status, 503);
  app.ledger.heal();
  await eventually(async () => (await app.keys("r/")).length === 6);
  const last = await acme.admin.send("GET", "/v1/tokens");
  await logged(app, last);

  const sessions = [browser.text, ended.text];
  const texts = [...issued.map(({ token }) => token), acme.admin.token, other.admin.token, ...sessions];
  assert.deepEqual(await leaks(app, [...texts.map(secretOf), ROOT_TOKEN]), []);
  // Proves that the search finds existing strings.
  for (const there of [live.digest, live.id, browser.opened.body.id])
    assert.notDeepEqual(await leaks(app, [there]), []);
  assert.deepEqual(await leaks(app, [last.headers.get("x-request-id")]), ["the log"]);
});

test("no secret is on disk or in the log after rotation, retries, imports and bulk revocation", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/clients", { id: "cli", name: "CLI", permissions: ["orders:read"] });
  await admin.expect(201, "POST", "/v1/members", { id: "ada", name: "Ada", role: "member", grants: ["orders:*"] });
  const texts = [admin.token];
  const shown = ({ token, ...rest }) => (texts.push(token), rest);
  const repeatable = async (path, body, nth) => {
    const headers = { "content-type": "application/json", "idempotency-key": `key-${nth}` };
    headers.authorization = `Bearer ${admin.token}`;
    const response = await app.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.json();
  };

  const ids = [];
  for (let nth = 0; nth < 10; nth++) {
    const token = { name: `ci ${nth}`, owner: "ada", scopes: ["orders:read"], ...(nth === 0 && { client_id: "cli" }) };
    ids.push(shown(await repeatable("/v1/tokens", token, nth)).id);
    assert.equal((await repeatable("/v1/tokens", token, nth)).token, null);
    const grace = { grace_seconds: nth % 2 ? 3_600 : 0 };
    shown(await repeatable(`/v1/tokens/${ids[nth]}/rotate`, grace, nth));
    assert.equal((await repeatable(`/v1/tokens/${ids[nth]}/rotate`, grace, nth)).token, null);
  }
  const old = randomBytes(30).toString("hex");
  const digest = createHash("sha256").update(old).digest("hex");
  const line = { digest, name: "old", owner: "ada", scopes: ["orders:read"] };
  await admin.expect(200, "POST", "/v1/tokens/import", { tokens: [line] });
  const asker = new Client(app, shown(await admin.issue({ scopes: ["tokens:verify"] })) && texts.at(-1));
  for (const freshness of ["strong", "eventual"]) await asker.verify(old, { freshness });

  // In every place of the newer routes where a client may put one by mistake; all are refused.
  const live = texts.at(-2);
  for (const [method, path, body] of [
    ["PATCH", `/v1/tokens/${live}`, { name: "x" }],
    ["POST", `/v1/tokens/${live}/rotate`, {}],
    ["POST", "/v1/tokens/revoke", { ids: [live] }],
    ["POST", "/v1/tokens/revoke", { filter: { digest: live } }],
    ["POST", "/v1/tokens/import", { tokens: [{ ...line, digest: live }] }],
    ["GET", `/v1/tokens?digest=${live}`],
    ["GET", `/v1/tokens?q=${live}`],
    ["GET", `/v1/members/${live}`],
    ["DELETE", `/v1/clients/${live}`],
    ["GET", `/v1/audit?subject=${live}`],
  ]) {
    await admin.send(method, path, body);
  }
  await admin.expect(200, "POST", "/v1/tokens/revoke", { ids: ids.slice(0, 5) });
  await admin.expect(200, "PATCH", "/v1/members/ada", { revoke_all: true });
  await eventually(async () => (await app.keys(`r/${key}/`)).length === texts.length + 1);

  assert.equal(new Set(texts.filter(Boolean)).size, 22);
  await logged(app, await admin.send("GET", "/v1/tokens"));
  assert.deepEqual(await leaks(app, [...texts.map(secretOf), old]), []);
  // Proves that the search finds existing strings.
  assert.notDeepEqual(await leaks(app, [digest]), []);
});

test("the search detects half of a secret in any usual encoding", () => {
  const secret = randomBytes(12).toString("hex");
  const holds = finder([secret, randomBytes(12).toString("hex")]);
  for (const encoding of ["latin1", "hex", "base64", "base64url"]) {
    for (const around of ["", "?", "??", "???"]) {
      const lies = (text) => holds(`"${Buffer.from(`${around}${text}${around}`).toString(encoding)}"`);
      for (const part of [secret, secret.slice(0, 12), secret.slice(-12)])
        assert.ok(lies(part), `${encoding}: ${part}`);
      for (const other of [randomBytes(12).toString("hex"), secret.slice(0, 9)]) assert.ok(!lies(other));
    }
  }
});
