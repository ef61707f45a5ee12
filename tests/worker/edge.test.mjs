// A gateway elsewhere: the npm package in Node with the built worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Verifier, codeOf, isPending } from "../../build/verify/node.js";
import { Client, withForgedSeal, withTypo, workspace } from "./client.mjs";
import { start } from "./harness.mjs";

test("a gateway verifies by ledger replies, and from its cache once it has them", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const { id, token, digest } = await admin.issue({ name: "ci", scopes: ["orders:read"], metadata: { team: [1] } });
  const gate = new Client(app, (await admin.issue({ scopes: ["tokens:verify"] })).token);

  const asked = [];
  const ledger = async (workspace, digests) => {
    asked.push({ workspace, digests });
    return gate.expect(200, "POST", "/v1/records", { digests });
  };
  const verifier = new Verifier();
  // After a ledger request without a reply, the verifier waits for the back-off.
  const backOff = () => sleep(260);
  const decide = async (text, demand, sources = { ledger }) => {
    const answer = await verifier.resolve(verifier.begin(text, demand, Date.now()), sources);
    return { code: codeOf(answer), details: verifier.details(answer) };
  };
  const strong = verifier.demand({ workspaces: [key], allOf: ["orders:read"], freshness: "strong" });
  const eventual = verifier.demand({ workspaces: [key], allOf: ["orders:read"], freshness: "eventual" });
  const offline = {};

  assert.equal((await decide(token, strong, offline)).code, "UNAVAILABLE", "its cache is empty");
  await backOff();
  const { code, details } = await decide(token, strong);
  assert.equal(code, "VALID");
  assert.deepEqual(asked, [{ workspace: key, digests: [digest] }], "the digest is sent, never the token value");
  assert.equal(details.freshness, "strong");
  assert.ok(Math.abs(details.asOf - Date.now()) < 60_000);
  const { name, workspace: slug, ownerId, scopes, metadata } = details;
  assert.deepEqual(
    [details.id, name, slug, ownerId, scopes, JSON.parse(metadata)],
    [id, "ci", "acme", "admin", ["orders:read"], { team: [1] }],
  );
  const write = verifier.demand({ workspaces: [key], allOf: ["orders:write"], freshness: "strong" });
  assert.equal((await decide(token, write)).code, "INSUFFICIENT_SCOPE");

  // The first reply contained the seal keys, so tokens that were never issued are recognized without a request.
  for (const [text, code] of [
    [withForgedSeal(token), "UNKNOWN"],
    [withTypo(token), "MALFORMED"],
    ["nonsense", "MALFORMED"],
    [other.admin.token, "UNKNOWN"],
  ]) {
    const answer = verifier.begin(text, strong, Date.now());
    assert.ok(!isPending(answer));
    assert.equal(codeOf(answer), code);
  }

  await admin.revoke(id);
  assert.equal((await decide(token, eventual, offline)).code, "VALID", "eventual: from the cache, up to a minute old");
  assert.equal(
    (await decide(token, strong, offline)).code,
    "UNAVAILABLE",
    "without a ledger, strong checks fail closed",
  );
  await backOff();
  const before = asked.length;
  assert.equal((await decide(token, strong)).code, "REVOKED");
  assert.equal(asked.length, before + 1);
  assert.equal((await decide(token, eventual, offline)).code, "REVOKED", "the result is cached");
});

test("a gateway learns nothing about tokens of other workspaces", async (t) => {
  const app = await start(t);
  const acme = await workspace(app, "acme");
  const other = await workspace(app, "other");
  const { id, digest, token } = await acme.admin.issue({ scopes: ["orders:read"] });
  const gate = new Client(app, (await other.admin.issue({ scopes: ["tokens:verify"] })).token);
  const verifier = new Verifier();
  for (const [freshness, path] of [
    ["strong", "/v1/records"],
    ["bounded", "/v1/lease"],
  ]) {
    const answer = await gate.expect(200, "POST", path, { digests: [digest] });
    const demand = verifier.demand({ workspaces: [acme.key], freshness });
    // A reply of another workspace's ledger says nothing about this workspace's token.
    const decided = verifier.supply(verifier.begin(token, demand, Date.now()), answer, Date.now());
    assert.equal(codeOf(decided), "UNAVAILABLE");
    assert.ok(!answer.includes(id));
  }
});
