// Signing in with an ID token: which tokens are accepted, for which member, and for how long.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { exportSPKI } from "jose";
import { COOKIE, logged, workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { ADA, Visitor, cookies, letIn, provider, seated } from "./identity.mjs";
import { json, startIssuer } from "./issuer.mjs";

/** All refusals look alike, and the log states the reason. */
async function assertFailed(app, answer, why) {
  assert.deepEqual([answer.status, answer.body.code], [401, "SIGN_IN_FAILED"], JSON.stringify(answer.body));
  const { request_id, ...rest } = answer.body;
  assert.deepEqual(rest, {
    type: "/docs/errors#SIGN_IN_FAILED",
    title: "Sign in failed",
    status: 401,
    code: "SIGN_IN_FAILED",
    detail: "Sign-in failed. Try again, or ask someone who manages the workspace.",
  });
  assert.equal(answer.headers.get("set-cookie"), null);
  const line = await logged(app, answer);
  assert.match(line.detail, why);
}

test("a provider session has the member's granted scopes until it ends", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const visitor = new Visitor(app);
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    const browser = await visitor.signIn(await issuer.token({}, { alg }));
    const { member, scopes, created_by, issuer: by } = browser.opened.body;
    assert.deepEqual([member, created_by, by], [{ id: "ada", number: 2 }, null, issuer.url], alg);
    assert.deepEqual(scopes.toSorted(), ADA.grants.toSorted());
  }
  assert.equal(issuer.count("/keys"), 1, "the isolate caches the keys");
  assert.equal(issuer.count("/.well-known/openid-configuration"), 1);

  const browser = await visitor.signIn(await issuer.token());
  const { attributes } = cookies(browser.opened)[COOKIE];
  assert.deepEqual(attributes, ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=43200"]);
  const made = await browser.issue({ scopes: ["orders:read"] });
  assert.equal(made.created_by, browser.opened.body.id);
  assert.equal((await browser.send("PATCH", "/v1/workspace", { name: "mine" })).body.code, "INSUFFICIENT_SCOPE");
  await app.crash();
  assert.deepEqual(await browser.expect(200, "GET", "/v1/session"), browser.opened.body);

  await letIn(admin);
  assert.equal(
    (await browser.send("GET", "/v1/session")).body.code,
    "SESSION_ENDED",
    "removing the provider ends its sessions",
  );
  await assertFailed(app, await visitor.present(await issuer.token()), /no identity provider/);
  await letIn(admin, provider(issuer));
  const again = await visitor.signIn(await issuer.token());
  await admin.expect(200, "PATCH", "/v1/members/ada", { state: "suspended" });
  assert.equal(
    (await again.send("GET", "/v1/session")).body.code,
    "SESSION_ENDED",
    "suspending the member ends its sessions",
  );
  await assertFailed(app, await visitor.present(await issuer.token()), /the member is suspended/);
  await admin.expect(200, "PATCH", "/v1/members/ada", { state: "active" });
  const last = await visitor.signIn(await issuer.token());
  await admin.expect(200, "PATCH", "/v1/members/ada", { revoke_all: true });
  assert.equal(
    (await last.send("GET", "/v1/session")).body.code,
    "SESSION_ENDED",
    "revoking the member's tokens ends its sessions",
  );
  const rows = await admin.expect(200, "GET", "/v1/audit?actor=sign_in");
  assert.equal(rows.total, 7);
  assert.deepEqual([rows.items[0].after.issuer, rows.items[0].after.member], [issuer.url, 2]);
});

test("an invalid ID token is refused", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const visitor = new Visitor(app);
  const now = Math.floor(Date.now() / 1000);
  const rsa = issuer.kid("RS256");
  const ec = issuer.kid("ES256");
  const good = await issuer.token();
  const [header, payload, signature] = good.split(".");
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const pem = await exportSPKI(issuer.key(rsa).publicKey);
  const hmac = (secret) => {
    const input = `${part({ alg: "HS256", kid: rsa })}.${payload}`;
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  };
  const [ecHeader, ecPayload, ecSignature] = (await issuer.token({}, { alg: "ES256" })).split(".");
  const impostor = await startIssuer(t);
  await impostor.addKey("RS256", rsa);
  impostor.claims = { iss: issuer.url };
  const refused = [
    ["expired", await issuer.token({ exp: now - 61 }), /ERR_JWT_EXPIRED exp/],
    ["without an expiration time", await issuer.token({ exp: undefined }), /exp/],
    ["an expiration time that is not a number", await issuer.token({ exp: "tomorrow" }), /exp/],
    ["not yet valid", await issuer.token({ nbf: now + 120 }), /nbf/],
    ["issued in the future", await issuer.token({ iat: now + 120 }), /future/],
    ["an issue time that is not a number", await issuer.token({ iat: "now" }), /iat|could not be read/],
    ["for another audience", await issuer.token({ aud: "another" }), /no identity provider/],
    [
      "for several audiences, issued to another",
      await issuer.token({ aud: ["console", "other"], azp: "other" }),
      /another/,
    ],
    [
      "for several audiences, without an authorized party",
      await issuer.token({ aud: ["console", "other"] }),
      /another/,
    ],
    ["without an audience", await issuer.token({ aud: undefined }), /no identity provider/],
    ["from another issuer", await issuer.token({ iss: "https://accounts.example" }), /no identity provider/],
    ["from an issuer with almost the same URL", await issuer.token({ iss: `${issuer.url}/` }), /no identity provider/],
    ["without a subject", await issuer.token({ sub: undefined }), /sub/],
    ["a subject that is not a string", await issuer.token({ sub: 1 }), /`sub` is missing/],
    ["of another token type", await issuer.token({}, { header: { typ: "at+jwt" } }), /another `typ`/],
    ["with a critical header", await issuer.token({}, { header: { crit: ["strange"], strange: 1 } }), /NOT_SUPPORTED/],
    ["unsigned", `${part({ alg: "none" })}.${payload}.`, /ALG_NOT_ALLOWED/],
    [
      "unsigned, with the algorithm in another case",
      `${part({ alg: "None", kid: rsa })}.${payload}.`,
      /ALG_NOT_ALLOWED/,
    ],
    ["signed with the public key's PEM text", hmac(pem), /ALG_NOT_ALLOWED/],
    ["signed with the public key's modulus", hmac(Buffer.from(issuer.key(rsa).jwk.n, "base64url")), /ALG_NOT_ALLOWED/],
    [
      "an algorithm and a key of another type",
      `${part({ alg: "RS256", kid: ec })}.${ecPayload}.${ecSignature}`,
      /NO_MATCHING_KEY/,
    ],
    [
      "an algorithm and a key of another type, reversed",
      `${part({ alg: "ES256", kid: rsa })}.${payload}.${signature}`,
      /NO_MATCHING/,
    ],
    ["another key with the same id", await impostor.token({}, { kid: rsa }), /SIGNATURE/],
    [
      "modified",
      `${header}.${part({ ...JSON.parse(Buffer.from(payload, "base64url")), sub: "x" })}.${signature}`,
      /SIGNATURE/,
    ],
    ["without a signature", `${header}.${payload}.`, /the token/],
    ["truncated", `${header}.${payload}`, /the token|read/],
    ["payload and signature of another token", `${header}.${ecPayload}.${ecSignature}`, /SIGNATURE|the token/],
    ["the header of another token", `${ecHeader}.${payload}.${signature}`, /SIGNATURE|the token/],
    ["not a token", "nonsense", /no identity provider/],
    ["empty", "", /no identity provider/],
    ["an unverified e-mail address", await issuer.token({ email_verified: false }), /not verified/],
    [
      "an e-mail address that is not stated to be verified",
      await issuer.token({ email_verified: undefined }),
      /not verified/,
    ],
    ...(await Promise.all(
      ["True", "TRUE", " true", "1", "yes", 1, {}, ["true"], null, "false"].map(async (value) => [
        `email_verified is ${JSON.stringify(value)}`,
        await issuer.token({ email_verified: value }),
        /not verified/,
      ]),
    )),
    ["without an e-mail address", await issuer.token({ email: undefined }), /no e-mail address/],
    ["of a person who is not a member", await issuer.token({ email: "bob@example.org" }), /no member/],
  ];
  for (const [what, token, why] of refused) {
    await t.test(what, async () => assertFailed(app, await visitor.present(token), why));
  }
  const accepted = [
    good,
    await issuer.token({ exp: now - 30 }),
    await issuer.token({ nbf: now + 30, iat: now + 30 }),
    await issuer.token({ aud: ["console"] }),
    await issuer.token({ aud: ["other", "console"], azp: "console" }),
    await issuer.token({ email: "ADA@example.org" }),
    await issuer.token({ email_verified: "true" }),
    await issuer.token({}, { header: { typ: "JWT" } }),
  ];
  for (const token of accepted) await visitor.signIn(token);
  assert.ok(issuer.count("/keys") <= 2, "an unknown key id is looked up once");
  const rows = await admin.expect(200, "GET", "/v1/audit?actor=sign_in&limit=100");
  const logged = rows.items.filter(({ action }) => action === "session.refuse").map(({ after }) => after.reason);
  // One row a minute for each reason, and none for tokens that the provider did not sign.
  const reasons = ["email_missing", "email_not_verified", "no_member", "token_expired", "token_unfit"];
  assert.deepEqual([...new Set(logged)].toSorted(), reasons);
  assert.ok(logged.length <= 2 * reasons.length, `${logged}`);
});

test("a new provider key is accepted immediately, and a removed one is not", async (t) => {
  const { issuer, app } = await seated(t);
  const visitor = new Visitor(app);
  await visitor.signIn(await issuer.token());
  const old = issuer.kid("RS256");
  await sleep(1_000); // The same request is sent at most once a second.
  issuer.served = issuer.served.filter((kid) => kid !== old);
  await issuer.addKey("RS256");
  await visitor.signIn(await issuer.token());
  await assertFailed(app, await visitor.present(await issuer.token({}, { kid: old })), /does not publish/);
  assert.equal(issuer.count("/keys"), 2);
  // Unknown key ids do not make the worker query the provider more often.
  const asked = issuer.asked.length;
  const invented = await issuer.token({}, { header: { kid: "invented" } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => visitor.present(invented)));
  assert.ok(answers.every(({ status }) => status === 401));
  assert.equal(issuer.asked.length, asked);
});

test("concurrent sign-ins succeed in an isolate with an empty cache", async (t) => {
  const { issuer, app } = await seated(t);
  const visitor = new Visitor(app);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.token()));
  const answers = await Promise.all(tokens.map((token) => visitor.present(token)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
});

test("each workspace trusts its own providers and finds its own members", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const visitor = new Visitor(app);
  const other = await workspace(app, "other");
  const theirs = await startIssuer(t);
  await letIn(other.admin, provider(theirs, { member_by: "subject" }));
  await assertFailed(app, await visitor.present(await theirs.token()), /no identity provider/);
  await assertFailed(app, await visitor.present(await issuer.token(), "other"), /no identity provider/);
  await assertFailed(app, await visitor.present(await theirs.token(), "other"), /no member/);
  await assertFailed(app, await visitor.present(await issuer.token(), "nowhere"), /workspace does not exist/);
  await assertFailed(app, await visitor.present(await issuer.token(), "No slug!"), /workspace does not exist/);
  await other.admin.expect(201, "POST", "/v1/members", { ...ADA, id: "lovelace", email: null });
  const { member } = (await visitor.signIn(await theirs.token({ email: undefined }), "other")).opened.body;
  assert.equal(member.id, "lovelace");

  const twin = { ...ADA, id: "twin", email: null, subject: null };
  const same = await admin.send("POST", "/v1/members", { ...twin, email: "Ada@Example.org" });
  assert.deepEqual([same.status, same.body.code], [409, "ALREADY_EXISTS"]);
  await admin.expect(201, "POST", "/v1/members", twin);
  for (const known of [{ subject: "ada|1" }, { email: "ADA@example.org" }]) {
    const taken = await admin.send("PATCH", "/v1/members/twin", known);
    assert.deepEqual([taken.status, taken.body.code], [409, "ALREADY_EXISTS"]);
  }
});

test("a subject is valid only at its issuer", async (t) => {
  const { issuer, app, admin } = await seated(t, { member_by: "subject" });
  const other = await startIssuer(t);
  await letIn(admin, provider(issuer, { member_by: "subject" }), provider(other, { member_by: "subject" }));
  const visitor = new Visitor(app);
  await visitor.signIn(await issuer.token());
  await assertFailed(app, await visitor.present(await other.token()), /no member/);
  const undecided = await admin.send("POST", "/v1/members", { ...ADA, id: "bob", email: null });
  assert.deepEqual([undecided.status, undecided.body.pointer], [422, "/subject_issuer"]);
  const bob = { ...ADA, id: "bob", email: null, subject_issuer: other.url };
  assert.equal((await admin.expect(201, "POST", "/v1/members", bob)).subject_issuer, other.url);
  assert.equal((await visitor.signIn(await other.token())).opened.body.member.id, "bob");
});

test("Cloudflare Access sign-in uses the Cf-Access-Jwt-Assertion header", async (t) => {
  const issuer = await startIssuer(t);
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/members", ADA);
  // Access does not publish this about itself, nor does it say that addresses are verified.
  issuer.instead["/.well-known/openid-configuration"] = (_, response) => json(response, 404, {});
  const access = provider(issuer, { jwks_uri: `${issuer.url}/keys`, vouches_for_email: true, sign_in: false });
  await letIn(admin, access);
  const visitor = new Visitor(app);
  const assertion = await issuer.token({ aud: ["console"], email_verified: undefined, sub: "uuid", type: "app" });
  const header = { "cf-access-jwt-assertion": assertion };
  const answer = await visitor.send("POST", "/v1/session", { workspace: "acme" }, header);
  assert.deepEqual([answer.status, answer.body.member?.id], [201, "ada"]);
  const { origin } = new URL(app.url);
  const session = { cookie: `${COOKIE}=${cookies(answer)[COOKIE].value}`, origin };
  const again = await visitor.send("POST", "/v1/session", { workspace: "acme" }, { ...header, ...session });
  assert.equal(again.status, 201, "an existing session does not matter");

  assert.equal((await visitor.send("POST", "/v1/session", { workspace: "acme" })).body.code, "NO_CREDENTIAL");
  assert.equal((await visitor.send("POST", "/v1/session", undefined, header)).body.code, "NO_CREDENTIAL");
  const both = await admin.send("POST", "/v1/session", { workspace: "acme" }, header);
  assert.deepEqual([both.status, both.body.code], [400, "AMBIGUOUS_CREDENTIAL"]);
  const nowhere = await visitor.send("POST", "/v1/session", { id_token: assertion });
  assert.deepEqual([nowhere.status, nowhere.body.code, nowhere.body.pointer], [422, "INVALID_BODY", "/workspace"]);
  const stated = await visitor.present(await issuer.token({ email_verified: false }));
  await assertFailed(app, stated, /not verified/);
  const evil = { origin: "https://evil.example", ...header };
  const page = await visitor.send("POST", "/v1/session", { workspace: "acme" }, evil);
  assert.deepEqual([page.status, page.body.code], [403, "ORIGIN_NOT_ALLOWED"]);
  assert.equal(issuer.count("/.well-known/openid-configuration"), 0);
});

test("an unreachable provider is reported as unavailable, not as a refusal", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/members", ADA);
  const visitor = new Visitor(app);
  const description = "/.well-known/openid-configuration";
  const answers = (status, body) => (_, response) => json(response, status, body);
  const moved = (_, response) => response.writeHead(302, { location: "/elsewhere" }).end();
  const passing = [
    ["an error", "/keys", answers(500, {}), /answers 500/],
    ["a missing document", description, answers(404, {}), /answers 404/],
    ["elsewhere", "/keys", moved, /answers 302/],
    ["no JSON", description, (_, response) => response.end("<html>"), /not JSON/],
    ["not an object", "/keys", answers(200, 7), /not a JSON object/],
    ["an endless body", "/keys", (_, response) => endless(response), /too large/],
    ["a cut connection", "/keys", (request) => request.socket.destroy(), /no answer/],
    ["silence", "/keys", () => {}, /no answer/],
  ];
  const lasting = [
    ["another issuer", description, (issuer) => other(issuer), /another issuer/],
    ["no endpoints", description, (issuer) => ({ issuer: issuer.url }), /unexpected value/],
    ["an insecure endpoint", description, (issuer) => unsafe(issuer), /unexpected value/],
  ].map(([what, path, body, why]) => [what, path, (_, response, issuer) => json(response, 200, body(issuer)), why]);
  const healed = [];
  for (const [what, path, fault, why] of [...passing, ...lasting]) {
    await t.test(what, async () => {
      const issuer = await startIssuer(t);
      await letIn(admin, provider(issuer));
      issuer.instead[path] = (request, response) => fault(request, response, issuer);
      const answer = await visitor.present(await issuer.token());
      assert.deepEqual([answer.status, answer.body.code], [503, "PROVIDER_UNAVAILABLE"]);
      assert.equal(answer.headers.get("retry-after"), "2");
      const line = await logged(app, answer);
      assert.match(line.detail, why);
      assert.equal(line.level, "error");
      assert.equal(issuer.count("/elsewhere"), 0, "redirects are not followed");
      delete issuer.instead[path];
      if (lasting.every(([other]) => other !== what)) healed.push(issuer);
    });
  }
  await sleep(2_000); // The back-off after a failure.
  for (const issuer of healed) {
    await letIn(admin, provider(issuer));
    await visitor.signIn(await issuer.token());
  }
  const issuer = await startIssuer(t);
  await letIn(admin, provider(issuer));
  app.ledger.fail("fetch", "refused");
  assert.equal((await visitor.present(await issuer.token())).body.code, "LEDGER_UNAVAILABLE");
  app.ledger.heal();
  await visitor.signIn(await issuer.token());
});

const other = (issuer) => ({ ...issuer.description(), issuer: "https://accounts.example" });
const unsafe = (issuer) => ({ ...issuer.description(), jwks_uri: "http://accounts.example/keys" });

function endless(response) {
  const write = () => {
    while (!response.destroyed && response.write(randomBytes(16_384)));
  };
  response.on("drain", write).on("error", () => {});
  write();
}
