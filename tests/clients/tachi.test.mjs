// Tachi's API tokens, as Tachi's own web page manages them: signed in, with a cookie.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { COOKIE, logged, withForgedSeal, withTypo, workspace } from "../worker/client.mjs";
import { ROOT_TOKEN, start } from "../worker/harness.mjs";

/** The permissions of Tachi's own tokens. */
const PERMISSIONS = [
  "customise_profile",
  "customise_score",
  "customise_session",
  "delete_score",
  "manage_challenges",
  "manage_rivals",
  "manage_targets",
  "submit_score",
];

const SIGNED_OUT = "This endpoint requires session-level authentication.";
const NOT_YOURS = "This request cannot be performed by an API key, and requires authentication.";

/** A workspace with Tachi's permissions and the user `zkldi`, number 2, who may grant all but the last of them. */
async function tachi(t) {
  const app = await start(t);
  const { admin } = await workspace(app, "tachi");
  const scopes = PERMISSIONS.map((name) => ({ name, description: name }));
  await admin.expect(200, "PUT", "/v1/scopes", { scopes });
  const grants = ["tokens:*", "sessions:create", ...PERMISSIONS.slice(0, -1)];
  await admin.expect(201, "POST", "/v1/members", { id: "zkldi", name: "zkldi", role: "member", grants });
  await admin.expect(201, "POST", "/v1/clients", {
    id: "FERVIDEX_OA2_CLIENT_ID",
    name: "Fervidex Token",
    permissions: ["customise_profile", "manage_rivals"],
  });
  await admin.expect(201, "POST", "/v1/clients", { id: "IR", name: "IR", permissions: ["submit_score"] });
  const opener = await admin.issue({ name: "web page", owner: "zkldi", scopes: grants });
  const user = await admin.as(opener.token).open();
  return { app, admin, opener, user };
}

/** The body of a successful response. */
async function succeeds(user, description, method, path, body) {
  const answer = await user.send(method, `/api/v1/users/${path}`, body);
  assert.deepEqual([answer.status, Object.keys(answer.body)], [200, ["success", "description", "body"]]);
  assert.deepEqual([answer.body.success, answer.body.description], [true, description]);
  return answer.body.body;
}

/** Expects a rejection with this status; the description is a string or a pattern. */
async function fails(user, status, description, method, path, body, headers) {
  const answer = await user.send(method, `/api/v1/users/${path}`, body, headers);
  const what = `${method} ${path}: ${JSON.stringify(answer.body)}`;
  assert.deepEqual([answer.status, Object.keys(answer.body)], [status, ["success", "description"]], what);
  assert.equal(answer.body.success, false);
  if (description instanceof RegExp) assert.match(answer.body.description, description);
  else assert.equal(answer.body.description, description);
  return answer;
}

const CREATED = "Successfully created new API Token.";

const listed = (user, number) => succeeds(user, `Returned ${number} keys.`, "GET", "me/api-tokens");
const create = (user, body) => succeeds(user, CREATED, "POST", "me/api-tokens/create", body);

test("a user creates, lists and removes tokens", async (t) => {
  const { admin, opener, user } = await tachi(t);
  const [own] = await listed(user, 1);
  assert.deepEqual([own.token, own.userID, own.identifier], [opener.id, 2, "web page"]);

  const created = await create(user, { permissions: ["customise_score", "delete_score"], identifier: "Batch Manual" });
  const { token, ...document } = created;
  assert.deepEqual(document, {
    identifier: "Batch Manual",
    permissions: { customise_score: true, delete_score: true },
    userID: 2,
    fromAPIClient: null,
  });
  const decision = await admin.verify(token, { all_of: ["delete_score"] });
  assert.deepEqual([decision.code, decision.token.owner], ["VALID", "zkldi"]);
  assert.equal(await admin.code(token, { all_of: ["customise_profile"] }), "INSUFFICIENT_SCOPE");

  const unnamed = await create(user, { permissions: [] });
  assert.deepEqual([unnamed.identifier, unnamed.permissions], ["Custom Token", {}]);

  // However the user is named, the list is the same: it has ids, and no token values.
  const list = await listed(user, 3);
  assert.deepEqual(list[1], { ...document, token: decision.token.id });
  for (const name of ["2", "zkldi"]) {
    assert.deepEqual(await succeeds(user, "Returned 3 keys.", "GET", `${name}/api-tokens`), list);
  }
  assert.ok(!JSON.stringify(list).includes(token.slice(10, 34)));

  // By the token value, as today's page does, and by the id, under either path.
  assert.deepEqual(await succeeds(user, "Removed Token.", "DELETE", `me/api-tokens/${token}`), {});
  assert.equal(await admin.code(token), "REVOKED");
  assert.deepEqual(await succeeds(user, "Removed Token.", "DELETE", `2/api-token/${list[0].token}`), {});
  assert.equal(await admin.code(unnamed.token), "REVOKED");
  for (const gone of [token, list[0].token]) {
    await fails(user, 404, "This key does not exist.", "DELETE", `me/api-tokens/${gone}`);
  }
  assert.deepEqual(await listed(user, 1), [own]);
});

test("a client's token is created from the client, once per user", async (t) => {
  const { admin, user } = await tachi(t);
  const clientID = "FERVIDEX_OA2_CLIENT_ID";
  const created = await create(user, { clientID });
  assert.deepEqual([created.identifier, created.fromAPIClient], ["Fervidex Token", clientID]);
  assert.deepEqual(created.permissions, { customise_profile: true, manage_rivals: true });
  await fails(user, 409, /^You already have a token for this client\./, "POST", "me/api-tokens/create", { clientID });
  await succeeds(user, "Removed Token.", "DELETE", `me/api-tokens/${created.token}`);
  await create(user, { clientID });
  assert.equal((await admin.expect(200, "GET", `/v1/tokens?client_id=${clientID}&state=active`)).total, 1);
});

test("an incomplete, contradictory or escalating creation is rejected", async (t) => {
  const { user } = await tachi(t);
  const refused = (status, description, body) => fails(user, status, description, "POST", "me/api-tokens/create", body);
  const both = "Cannot use ClientID creation and permissions creation at the same time!";
  await refused(400, both, { clientID: "FERVIDEX_OA2_CLIENT_ID", permissions: ["submit_score"] });
  const neither = "Invalid request, must specify either clientID or permissions.";
  for (const body of [{}, { identifier: "x" }, undefined]) await refused(400, neither, body);
  await refused(400, /win_the_game/, { permissions: ["delete_score", "win_the_game"] });
  await refused(400, /"no scope at all"/, { permissions: ["no scope at all"] });
  await refused(404, "This client does not exist.", { clientID: "nobody" });
  // `zkldi` is not granted this one, whether requested directly or through a client.
  for (const body of [{ permissions: ["submit_score"] }, { clientID: "IR" }]) await refused(400, /submit_score/, body);
  await listed(user, 1);
});

test("only the user's own session is accepted", async (t) => {
  const { app, admin, opener, user } = await tachi(t);
  const boss = await admin.open();
  const theirs = await boss.issue({ scopes: [] });
  const calls = (name, token) => [
    ["GET", `${name}/api-tokens`],
    // For an accepted caller the error would name the missing field.
    ["POST", `${name}/api-tokens/create`],
    ["DELETE", `${name}/api-tokens/${token}`],
    ["DELETE", `${name}/api-token/${token}`],
  ];

  const ended = await admin.as(opener.token).open();
  await ended.expect(200, "DELETE", "/v1/session");
  const anonymous = { app, credential: () => ({}), send: user.send };
  const presenting = (headers) => ({ app, credential: () => headers, send: user.send });
  for (const [who, status, description] of [
    [anonymous, 401, SIGNED_OUT],
    [ended, 401, SIGNED_OUT],
    [presenting({ cookie: `${COOKIE}=${user.text}x`, origin: new URL(app.url).origin }), 401, SIGNED_OUT],
    [presenting({ authorization: "Basic eDp5" }), 400, /Bearer/],
    [presenting({ authorization: "Bearer" }), 401, /./],
    [admin.as(withTypo(opener.token)), 401, /./],
    [admin.as(withForgedSeal(opener.token)), 401, /./],
    [admin.as(opener.token), 403, NOT_YOURS],
    [presenting({ "x-api-key": opener.token }), 403, NOT_YOURS],
    [presenting({ authorization: `Bearer ${opener.token}`, ...user.credential() }), 403, NOT_YOURS],
    [admin, 403, NOT_YOURS],
    [presenting({ authorization: `Bearer ${ROOT_TOKEN}`, "x-counterfoil-workspace": "tachi" }), 403, NOT_YOURS],
  ]) {
    for (const call of calls("me", opener.id)) await fails(who, status, description, ...call);
  }

  // Existing and nonexistent users: a member gets the same response; an admin learns which exist, but cannot act for them.
  for (const name of ["1", "admin", "nobody", "99"]) {
    for (const call of calls(name, theirs.id)) await fails(user, 403, NOT_YOURS, ...call);
  }
  for (const [name, status, description] of [
    ["2", 403, NOT_YOURS],
    ["zkldi", 403, NOT_YOURS],
    ["nobody", 404, "This user does not exist."],
    ["99", 404, "This user does not exist."],
  ]) {
    for (const call of calls(name, opener.id)) await fails(boss, status, description, ...call);
  }

  // Another user's token gives the same response as a nonexistent one.
  for (const token of [theirs.id, theirs.token, withTypo(theirs.token), "foobar"]) {
    await fails(user, 404, "This key does not exist.", "DELETE", `me/api-tokens/${token}`);
  }
  for (const token of [opener.id, opener.token]) {
    await fails(boss, 404, "This key does not exist.", "DELETE", `me/api-tokens/${token}`);
  }

  // Pages of other origins cannot act in a session.
  const origin = "https://evil.example";
  for (const call of calls("me", opener.id).slice(1)) {
    await fails(user, 403, /only from pages of this origin/, ...call, undefined, { origin });
  }

  await listed(user, 1);
  assert.deepEqual([await admin.code(theirs.token), await admin.code(opener.token)], ["VALID", "VALID"]);

  // A session ends with the token that opened it.
  await admin.revoke(opener.id);
  for (const call of calls("me", opener.id)) await fails(user, 401, SIGNED_OUT, ...call);
});

test("a token value in a path is not logged", async (t) => {
  const { app, user } = await tachi(t);
  const { token } = await create(user, { permissions: [] });
  const answer = await user.send("DELETE", `/api/v1/users/me/api-tokens/${token}`);
  const line = await logged(app, answer);
  assert.deepEqual([line.status, line.route], [200, "/api/v1/users/{user}/api-tokens/{token}"]);
  assert.ok(!app.log.some((line) => line.includes(token.slice(10, 34))));
});

test("an unreachable ledger is reported in Tachi's error format", async (t) => {
  const { app, user } = await tachi(t);
  app.ledger.fail("fetch", "refused");
  await fails(user, 503, /^The ledger did not respond in time\./, "GET", "me/api-tokens");
  app.ledger.heal();
  await listed(user, 1);
});

test("the examples of Tachi's documentation work", async (t) => {
  const page = await readFile(new URL("../../docs/dialects.md", import.meta.url), "utf8");
  const script = page.match(/^## Tachi\n.*?^```sh\n(.*?)^```$/ms)[1];
  const app = await start(t);
  const { admin } = await workspace(app, "demo");
  const { token } = await admin.issue({ scopes: ["sessions:create", "tokens:read", "tokens:write", "orders:read"] });
  const cwd = await mkdtemp(join(tmpdir(), "counterfoil-test-"));
  t.after(() => rm(cwd, { recursive: true }));
  const env = { ...process.env, HOST: app.url.origin, TOKEN: token };
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { env, cwd });
  assert.match(
    stdout,
    /"description":"Returned 3 keys\.".*"identifier":"Batch Manual".*"description":"Removed Token\."/s,
  );
});
