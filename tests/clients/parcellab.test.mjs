// parcelLab's documented calls, as its users run them: with curl, and a token that parcelLab issued.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import { Client, workspace } from "../worker/client.mjs";
import { ROOT_TOKEN, start } from "../worker/harness.mjs";

/** The user and the token of every documented call. */
const USER = 100;
const TOKEN = "parcelLabAPItoken-30characters";

/** The documented calls, verbatim. */
const LIST = `curl --location 'https://api.parcellab.com/tokens/list’ \\
  --header 'content-type: application/json' \\
  --header 'user: 100' \\
  --header 'token: parcelLabAPItoken-30characters' \\
`;
const GENERATE = `curl --location 'https://api.parcellab.com/tokens/generate’ \\
  --header 'content-type: application/json' \\
  --header 'user: 100' \\
  --header 'token: parcelLabAPItoken-30characters' \\
  --data ‘{
       “note”: “track”,
       “scopes”: [
            “write”
       ]
}’
`;
const REVOKE = `curl --location 'https://api.parcellab.com/tokens/revoke’ \\
  --header 'content-type: application/json' \\
  --header 'user: 100' \\
  --header 'token: parcelLabAPItoken-30characters' \\
  --data ‘{
       “tokenId”: “The token ID as in /tokens/list”
}’
`;

/** A deployment whose host belongs to a workspace that has imported parcelLab's token, and a function that runs a command. */
async function account(t) {
  const app = await start(t);
  const { admin } = await workspace(app, "parcel");
  const scopes = ["read", "write"].map((name) => ({ name, description: name }));
  await admin.expect(200, "PUT", "/v1/scopes", { scopes });
  const user = { id: "shop", number: USER, name: "Shop", role: "admin", grants: ["*"] };
  await admin.expect(201, "POST", "/v1/members", user);
  const digest = createHash("sha256").update(TOKEN).digest("hex");
  const managing = ["tokens:read", "tokens:write", "tokens:grant"];
  const line = { digest, name: "from parcelLab", owner: "shop", scopes: managing };
  assert.equal((await admin.expect(200, "POST", "/v1/tokens/import", { tokens: [line] })).imported, 1);
  const root = { "x-counterfoil-workspace": "parcel" };
  const hosts = { hosts: [new URL(app.url).host] };
  assert.equal((await new Client(app, ROOT_TOKEN).send("PATCH", "/v1/workspace", hosts, root)).status, 200);
  return { app, admin };
}

/** Runs a documented command, with quotes that a shell accepts. Returns the status of the response, and its JSON. */
async function run(app, command) {
  const here = command
    .replace("https://api.parcellab.com", new URL(app.url).origin)
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"');
  const telling = `curl() { command curl --silent --write-out '\\n%{http_code}' "$@"; }`;
  const { stdout } = await promisify(execFile)("sh", ["-c", `${telling}\n${here}`]);
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end)), body: JSON.parse(stdout.slice(0, end)) };
}

test("the documented commands work, with the documented token", async (t) => {
  const { app, admin } = await account(t);
  const generated = await run(app, GENERATE);
  assert.equal(generated.status, 200);
  const { token, ...shown } = generated.body;
  assert.deepEqual(Object.keys(generated.body), ["tokenId", "note", "scopes", "createdAt", "token"]);
  assert.deepEqual([shown.note, shown.scopes], ["track", ["write"]]);
  assert.ok(token.length >= 30, "clients reject shorter token values");
  assert.equal(await admin.code(token, { all_of: ["write"] }), "VALID");

  const list = await run(app, LIST);
  assert.equal(list.status, 200);
  assert.deepEqual(list.body[0], shown);
  assert.deepEqual(list.body[1].scopes, ["generate"], "the imported token itself");

  // The documentation's placeholder is no token's id.
  const placeholder = await run(app, REVOKE);
  assert.equal(placeholder.status, 404);
  assert.deepEqual(Object.keys(placeholder.body), ["error"]);

  const revoked = await run(app, REVOKE.replace("The token ID as in /tokens/list", shown.tokenId));
  assert.deepEqual(revoked, { status: 200, body: { tokenId: shown.tokenId, revoked: true } });
  assert.equal(await admin.code(token, { all_of: ["write"] }), "REVOKED");
  assert.deepEqual((await run(app, LIST)).body, list.body.slice(1));
});

test("the documented variants work", async (t) => {
  const { app } = await account(t);
  const scopes = /“scopes”: \[\s*“write”\s*\]/;
  for (const [asked, shown] of [
    [`"scope": "write"`, ["write"]],
    [`"scope": "read"`, ["read"]],
    [`"scope": "generate"`, ["generate"]],
    [`"scopes": ["read", "write"]`, ["read", "write"]],
  ]) {
    const { status, body } = await run(app, GENERATE.replace(scopes, asked));
    assert.deepEqual([status, body.scopes], [200, shown], asked);
    const id = body.tokenId % 2 ? `${body.tokenId}` : `“${body.tokenId}”`;
    const revoked = await run(app, REVOKE.replace("“The token ID as in /tokens/list”", id));
    assert.deepEqual(revoked.body, { tokenId: body.tokenId, revoked: true }, id);
  }
  assert.equal((await run(app, GENERATE.replace("“write”", "“none such”"))).status, 400);
  assert.equal((await run(app, GENERATE.replace("“write”", "“unknown”"))).status, 422);
});

test("a generated token manages tokens until it is revoked", async (t) => {
  const { app } = await account(t);
  const { body } = await run(app, GENERATE.replace("“write”", "“generate”"));
  const own = LIST.replace(TOKEN, body.token);
  assert.equal((await run(app, own)).status, 200);
  const newer = own
    .replace("'user: 100'", `'x-nothing: 1'`)
    .replace("'token: ", "'Authorization: Parcellab-API-Token ");
  assert.equal((await run(app, newer)).status, 200);
  assert.equal((await run(app, own.replace("user: 100", "user: 1"))).status, 401);

  const itself = REVOKE.replace("“The token ID as in /tokens/list”", body.tokenId).replace(TOKEN, body.token);
  assert.equal((await run(app, itself)).status, 200);
  for (const call of [own, newer, itself]) assert.equal((await run(app, call)).status, 401);
});

test("the documented token is unknown in other workspaces", async (t) => {
  const { app } = await account(t);
  const root = new Client(app, ROOT_TOKEN);
  const none = await root.send("PATCH", "/v1/workspace", { hosts: [] }, { "x-counterfoil-workspace": "parcel" });
  assert.equal(none.status, 200);
  const { status, body } = await run(app, LIST);
  assert.deepEqual([status, Object.keys(body)], [401, ["error"]]);
  // It can still name its workspace itself.
  const named = LIST.replace("'content-type: application/json'", "'x-counterfoil-workspace: parcel'");
  assert.equal((await run(app, named)).status, 200);
});
