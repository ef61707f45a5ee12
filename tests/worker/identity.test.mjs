// Signing in by an identity provider, on the runtime that it is deployed to.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { exportSPKI } from "jose";
import { Browser, COOKIE, Client, logged, workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { json, startIssuer } from "./issuer.mjs";
import { finder } from "./leaks.mjs";

/** The name of the cookie that a flow is kept in. */
const FLOW = "__Host-counterfoil-sign-in";

const GRANTS = ["tokens:read", "tokens:write", "orders:*"];

/** A member whom the provider knows. */
const ADA = { id: "ada", name: "Ada", email: "ada@example.org", subject: "ada|1", role: "member", grants: GRANTS };

const provider = (issuer, more = {}) => ({
  issuer: issuer.url,
  audience: "console",
  member_by: "email",
  sign_in: true,
  ...more,
});

const letIn = (admin, ...providers) => admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: providers });

/** A deployment with the workspace `acme`, where Ada signs in by a provider. */
async function seated(t, more) {
  const issuer = await startIssuer(t);
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await letIn(admin, provider(issuer, more));
  await admin.expect(201, "POST", "/v1/members", ADA);
  return { issuer, app, admin };
}

/** Somebody who presents no token. */
class Visitor extends Client {
  credential() {
    return {};
  }

  /** The answer to an identity token. */
  present(id_token, slug = "acme") {
    return this.send("POST", "/v1/session", { workspace: slug, id_token });
  }

  /** Signs in, and opens a browser with the session. */
  async signIn(id_token, slug) {
    const answer = await this.present(id_token, slug);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return new Browser(this.app, cookies(answer)[COOKIE].value, answer);
  }
}

/** The cookies that an answer sets: each with its value and attributes. */
function cookies({ headers }) {
  const set = headers.getSetCookie().map((cookie) => {
    const [pair, ...attributes] = cookie.split("; ");
    const [name, value] = pair.split("=");
    return [name, { value, attributes }];
  });
  return Object.fromEntries(set);
}

/** All refusals look alike, and the log says why. */
async function assertFailed(app, answer, why) {
  assert.deepEqual([answer.status, answer.body.code], [401, "SIGN_IN_FAILED"], JSON.stringify(answer.body));
  const { request_id, ...rest } = answer.body;
  assert.deepEqual(rest, {
    type: "/docs/errors#SIGN_IN_FAILED",
    title: "Sign in failed",
    status: 401,
    code: "SIGN_IN_FAILED",
    detail: "The sign-in failed. Try again, or ask somebody who manages the workspace.",
  });
  assert.equal(answer.headers.get("set-cookie"), null);
  const line = await logged(app, answer);
  assert.match(line.detail, why);
}

test("whom a provider vouches for may do what they are granted, until that ends", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const visitor = new Visitor(app);
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    const browser = await visitor.signIn(await issuer.token({}, { alg }));
    const { member, scopes, created_by, issuer: by } = browser.opened.body;
    assert.deepEqual([member, created_by, by], [{ id: "ada", number: 2 }, null, issuer.url], alg);
    assert.deepEqual(scopes.toSorted(), GRANTS.toSorted());
  }
  assert.equal(issuer.count("/keys"), 1, "an isolate keeps the keys");
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
  assert.equal((await browser.send("GET", "/v1/session")).body.code, "SESSION_ENDED", "with its provider");
  await assertFailed(app, await visitor.present(await issuer.token()), /no provider/);
  await letIn(admin, provider(issuer));
  const again = await visitor.signIn(await issuer.token());
  await admin.expect(200, "PATCH", "/v1/members/ada", { state: "suspended" });
  assert.equal((await again.send("GET", "/v1/session")).body.code, "SESSION_ENDED", "with its member");
  await assertFailed(app, await visitor.present(await issuer.token()), /no active member/);
  await admin.expect(200, "PATCH", "/v1/members/ada", { state: "active" });
  const last = await visitor.signIn(await issuer.token());
  await admin.expect(200, "PATCH", "/v1/members/ada", { revoke_all: true });
  assert.equal((await last.send("GET", "/v1/session")).body.code, "SESSION_ENDED", "with its member's tokens");
  const rows = await admin.expect(200, "GET", "/v1/audit?actor=sign_in");
  assert.equal(rows.total, 6);
  assert.deepEqual([rows.items[0].after.issuer, rows.items[0].after.member], [issuer.url, 2]);
});

test("a token that is not good is refused", async (t) => {
  const { issuer, app } = await seated(t);
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
  const stranger = await startIssuer(t);
  await stranger.addKey("RS256", rsa);
  stranger.claims = { iss: issuer.url };
  const refused = [
    ["expired", await issuer.token({ exp: now - 61 }), /ERR_JWT_EXPIRED exp/],
    ["without an end", await issuer.token({ exp: undefined }), /exp/],
    ["an end that is no number", await issuer.token({ exp: "tomorrow" }), /exp/],
    ["not yet valid", await issuer.token({ nbf: now + 120 }), /nbf/],
    ["of the future", await issuer.token({ iat: now + 120 }), /future/],
    ["of a time that is none", await issuer.token({ iat: "now" }), /iat|could not be read/],
    ["for another", await issuer.token({ aud: "another" }), /no provider/],
    ["for several, issued to another", await issuer.token({ aud: ["console", "other"], azp: "other" }), /another/],
    ["for several, issued to nobody", await issuer.token({ aud: ["console", "other"] }), /another/],
    ["for nobody", await issuer.token({ aud: undefined }), /no provider/],
    ["of another issuer", await issuer.token({ iss: "https://accounts.example" }), /no provider/],
    ["of nearly this issuer", await issuer.token({ iss: `${issuer.url}/` }), /no provider/],
    ["without a subject", await issuer.token({ sub: undefined }), /sub/],
    ["a subject that is no text", await issuer.token({ sub: 1 }), /subject/],
    ["of another kind", await issuer.token({}, { header: { typ: "at+jwt" } }), /another kind/],
    ["with a critical header", await issuer.token({}, { header: { crit: ["strange"], strange: 1 } }), /NOT_SUPPORTED/],
    ["unsigned", `${part({ alg: "none" })}.${payload}.`, /ALG_NOT_ALLOWED/],
    ["unsigned, in other letters", `${part({ alg: "None", kid: rsa })}.${payload}.`, /ALG_NOT_ALLOWED/],
    ["signed with the public key's text", hmac(pem), /ALG_NOT_ALLOWED/],
    ["signed with the public key's modulus", hmac(Buffer.from(issuer.key(rsa).jwk.n, "base64url")), /ALG_NOT_ALLOWED/],
    ["of a key of another kind", `${part({ alg: "RS256", kid: ec })}.${ecPayload}.${ecSignature}`, /NO_MATCHING_KEY/],
    ["of a key of another kind, turned", `${part({ alg: "ES256", kid: rsa })}.${payload}.${signature}`, /NO_MATCHING/],
    ["of a stranger's key by the same name", await stranger.token({}, { kid: rsa }), /SIGNATURE/],
    ["changed", `${header}.${part({ ...JSON.parse(Buffer.from(payload, "base64url")), sub: "x" })}.${signature}`, /SIGNATURE/],
    ["without its signature", `${header}.${payload}.`, /the token/],
    ["cut short", `${header}.${payload}`, /the token|read/],
    ["mixed", `${header}.${ecPayload}.${ecSignature}`, /SIGNATURE|the token/],
    ["mixed headers", `${ecHeader}.${payload}.${signature}`, /SIGNATURE|the token/],
    ["no token at all", "nonsense", /no provider/],
    ["empty", "", /no provider/],
    ["not verified", await issuer.token({ email_verified: false }), /no active member/],
    ["not said to be verified", await issuer.token({ email_verified: undefined }), /no active member/],
    ["verified in words", await issuer.token({ email_verified: "true" }), /no active member/],
    ["without an address", await issuer.token({ email: undefined }), /no active member/],
    ["of nobody here", await issuer.token({ email: "bob@example.org" }), /no active member/],
  ];
  for (const [what, token, why] of refused) {
    await t.test(what, async () => assertFailed(app, await visitor.present(token), why));
  }
  const taken = [
    good,
    await issuer.token({ exp: now - 30 }),
    await issuer.token({ nbf: now + 30, iat: now + 30 }),
    await issuer.token({ aud: ["console"] }),
    await issuer.token({ aud: ["other", "console"], azp: "console" }),
    await issuer.token({ email: "ADA@example.org" }),
    await issuer.token({}, { header: { typ: "JWT" } }),
  ];
  for (const token of taken) await visitor.signIn(token);
  assert.ok(issuer.count("/keys") <= 2, "what is no key's is asked about once");
});

test("a new key is taken at once, and one that is gone is not", async (t) => {
  const { issuer, app } = await seated(t);
  const visitor = new Visitor(app);
  await visitor.signIn(await issuer.token());
  const old = issuer.kid("RS256");
  issuer.served = issuer.served.filter((kid) => kid !== old);
  await issuer.addKey("RS256");
  await visitor.signIn(await issuer.token());
  await assertFailed(app, await visitor.present(await issuer.token({}, { kid: old })), /NO_MATCHING_KEY/);
  assert.equal(issuer.count("/keys"), 2);
  // Whoever invents keys has the provider asked no more often for it.
  const asked = issuer.asked.length;
  const invented = await issuer.token({}, { header: { kid: "invented" } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => visitor.present(invented)));
  assert.ok(answers.every(({ status }) => status === 401));
  assert.equal(issuer.asked.length, asked);
});

test("many sign in at once in an isolate that knows nothing yet", async (t) => {
  const { issuer, app } = await seated(t);
  const visitor = new Visitor(app);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.token()));
  const answers = await Promise.all(tokens.map((token) => visitor.present(token)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
});

test("each workspace believes its own providers and finds its own members", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const visitor = new Visitor(app);
  const other = await workspace(app, "other");
  const theirs = await startIssuer(t);
  await letIn(other.admin, provider(theirs, { member_by: "subject" }));
  await assertFailed(app, await visitor.present(await theirs.token()), /no provider/);
  await assertFailed(app, await visitor.present(await issuer.token(), "other"), /no provider/);
  await assertFailed(app, await visitor.present(await theirs.token(), "other"), /no active member/);
  await assertFailed(app, await visitor.present(await issuer.token(), "nowhere"), /no such workspace/);
  await assertFailed(app, await visitor.present(await issuer.token(), "No slug!"), /no such workspace/);
  await other.admin.expect(201, "POST", "/v1/members", { ...ADA, id: "lovelace", email: null });
  const { member } = (await visitor.signIn(await theirs.token({ email: undefined }), "other")).opened.body;
  assert.equal(member.id, "lovelace");

  await admin.expect(201, "POST", "/v1/members", { ...ADA, id: "twin", email: "Ada@Example.org", subject: null });
  await assertFailed(app, await visitor.present(await issuer.token()), /or several/);
  const taken = await admin.send("PATCH", "/v1/members/twin", { subject: "ada|1" });
  assert.deepEqual([taken.status, taken.body.code], [409, "ALREADY_EXISTS"]);
});

test("behind Cloudflare Access the assertion that it adds is enough", async (t) => {
  const issuer = await startIssuer(t);
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/members", ADA);
  // Access says of itself nothing of this, nor that addresses are verified.
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
  assert.equal(again.status, 201, "an older session is no hindrance");

  assert.equal((await visitor.send("POST", "/v1/session", { workspace: "acme" })).body.code, "NO_CREDENTIAL");
  assert.equal((await visitor.send("POST", "/v1/session", undefined, header)).body.code, "NO_CREDENTIAL");
  const both = await admin.send("POST", "/v1/session", { workspace: "acme" }, header);
  assert.deepEqual([both.status, both.body.code], [400, "AMBIGUOUS_CREDENTIAL"]);
  const nowhere = await visitor.send("POST", "/v1/session", { id_token: assertion });
  assert.deepEqual([nowhere.status, nowhere.body.code, nowhere.body.pointer], [422, "INVALID_BODY", "/workspace"]);
  const stated = await visitor.present(await issuer.token({ email_verified: false }));
  await assertFailed(app, stated, /no active member/);
  const evil = { origin: "https://evil.example", ...header };
  const page = await visitor.send("POST", "/v1/session", { workspace: "acme" }, evil);
  assert.deepEqual([page.status, page.body.code], [403, "ORIGIN_NOT_ALLOWED"]);
  assert.equal(issuer.count("/.well-known/openid-configuration"), 0);
});

test("a provider that cannot be had is no refusal", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  await admin.expect(201, "POST", "/v1/members", ADA);
  const visitor = new Visitor(app);
  const description = "/.well-known/openid-configuration";
  const answers = (status, body) => (_, response) => json(response, status, body);
  const moved = (_, response) => response.writeHead(302, { location: "/elsewhere" }).end();
  const passing = [
    ["an error", "/keys", answers(500, {}), /answers 500/],
    ["nothing there", description, answers(404, {}), /answers 404/],
    ["elsewhere", "/keys", moved, /answers 302/],
    ["no JSON", description, (_, response) => response.end("<html>"), /no JSON/],
    ["no object", "/keys", answers(200, 7), /no object/],
    ["no end", "/keys", (_, response) => endless(response), /too large/],
    ["a line that is cut", "/keys", (request) => request.socket.destroy(), /no answer/],
    ["silence", "/keys", () => {}, /no answer/],
  ];
  const lasting = [
    ["another issuer", description, (issuer) => other(issuer), /another issuer/],
    ["no addresses", description, (issuer) => ({ issuer: issuer.url }), /not as it should be/],
    ["an unsafe address", description, (issuer) => unsafe(issuer), /not as it should be/],
  ].map(([what, path, body, why]) => [what, path, (_, response, issuer) => json(response, 200, body(issuer)), why]);
  for (const [what, path, fault, why] of [...passing, ...lasting]) {
    await t.test(what, async (t) => {
      const issuer = await startIssuer(t);
      await letIn(admin, provider(issuer));
      issuer.instead[path] = (request, response) => fault(request, response, issuer);
      const answer = await visitor.present(await issuer.token());
      assert.deepEqual([answer.status, answer.body.code], [503, "PROVIDER_UNAVAILABLE"]);
      assert.equal(answer.headers.get("retry-after"), "1");
      const line = await logged(app, answer);
      assert.match(line.detail, why);
      assert.equal(line.level, "error");
      assert.equal(issuer.count("/elsewhere"), 0, "nobody follows");
      delete issuer.instead[path];
      if (lasting.every(([other]) => other !== what)) await visitor.signIn(await issuer.token());
    });
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

/** A browser that signs in by links and redirects alone. */
class Traveller {
  cookies = {};

  constructor(app) {
    this.app = app;
  }

  /** Goes to a path of the deployment's. */
  async go(path) {
    const cookie = Object.entries(this.cookies).map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await this.app.fetch(path, { headers: cookie ? { cookie } : {} });
    for (const [name, { value, attributes }] of Object.entries(cookies(response))) {
      if (attributes.includes("Max-Age=0")) delete this.cookies[name];
      else this.cookies[name] = value;
    }
    return response;
  }

  /** Sets out: where the provider is, as the deployment says it. */
  async setOut(query = "workspace=acme") {
    const response = await this.go(`/v1/session/start?${query}`);
    assert.equal(response.status, 302);
    return response.headers.get("location");
  }

  /** Goes to the provider, which sends it back at once: to where. */
  async ask(address) {
    const response = await fetch(address, { redirect: "manual" });
    assert.equal(response.status, 302);
    const back = new URL(response.headers.get("location"));
    return back.href.replace(back.origin, "");
  }

  /** There and back. */
  async travel(query) {
    return this.go(await this.ask(await this.setOut(query)));
  }

  get browser() {
    return new Browser(this.app, this.cookies[COOKIE]);
  }
}

async function assertTurnedAway(response, code = "SIGN_IN_FAILED", status = 303) {
  assert.deepEqual([response.status, response.headers.get("location")], [status, `/console/#/sign-in?failed=${code}`]);
  assert.equal((await response.arrayBuffer()).byteLength, 0);
  const { value, attributes } = cookies(response)[FLOW];
  assert.deepEqual([value, attributes.at(-1)], ["", "Max-Age=0"], "the flow is over");
  assert.equal(cookies(response)[COOKIE], undefined);
}

test("a browser goes to the provider and comes back with a session", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const traveller = new Traveller(app);
  const out = await traveller.go("/v1/session/start?workspace=acme");
  const there = new URL(out.headers.get("location"));
  assert.equal(out.status, 302);
  assert.equal(`${there.origin}${there.pathname}`, `${issuer.url}/authorize`);
  const { state, nonce, code_challenge, ...asked } = Object.fromEntries(there.searchParams);
  assert.deepEqual(asked, {
    response_type: "code",
    client_id: "console",
    redirect_uri: `${new URL(app.url).origin}/v1/session/callback`,
    scope: "openid email",
    code_challenge_method: "S256",
  });
  assert.equal(new Set([state, nonce, code_challenge]).size, 3);
  for (const secret of [state, nonce, code_challenge]) assert.match(secret, /^[\w-]{43}$/);
  const kept = cookies(out)[FLOW];
  assert.deepEqual(kept.attributes, ["Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"]);

  const path = await traveller.ask(there);
  const back = await traveller.go(path);
  assert.deepEqual([back.status, back.headers.get("location")], [303, "/console/"]);
  assert.equal(back.headers.get("referrer-policy"), "no-referrer");
  assert.equal(back.headers.get("cache-control"), "no-store");
  assert.deepEqual(Object.keys(traveller.cookies), [COOKIE], "the flow is forgotten");
  const session = await traveller.browser.expect(200, "GET", "/v1/session");
  assert.deepEqual([session.member.id, session.issuer], ["ada", issuer.url]);
  assert.equal((await admin.expect(200, "GET", "/v1/sessions")).items[0].id, session.id);

  const line = await logged(app, back);
  assert.deepEqual([line.route, line.detail, line.code], ["/v1/session/callback", undefined, undefined]);
  const code = new URL(path, app.url).searchParams.get("code");
  const holds = finder([code, state, nonce, kept.value.split(".")[0], traveller.cookies[COOKIE].slice(10, 34)]);
  assert.ok(!holds(app.log.join("\n")), "the log holds a secret");
});

test("a browser that comes back otherwise than it went is turned away", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const edit = (path, change) => {
    const url = new URL(path, app.url);
    change(url.searchParams);
    return url.href.replace(url.origin, "");
  };
  const ways = {
    "with another state": (path) => edit(path, (query) => query.set("state", "x".repeat(43))),
    "without a state": (path) => edit(path, (query) => query.delete("state")),
    "with two states": (path) => edit(path, (query) => query.append("state", query.get("state"))),
    "without a code": (path) => edit(path, (query) => query.delete("code")),
    "with an invented code": (path) => edit(path, (query) => query.set("code", "invented")),
    "from another issuer": (path) => edit(path, (query) => query.set("iss", "https://accounts.example")),
    "from an issuer that does not say so": (path) => edit(path, (query) => query.delete("iss")),
    "with an error": (path) =>
      edit(path, (query) => {
        query.delete("code");
        query.set("error", "access_denied");
        query.set("error_description", "<b>no</b>");
      }),
    "with nothing": () => "/v1/session/callback",
  };
  for (const [what, change] of Object.entries(ways)) {
    await t.test(what, async () => {
      const traveller = new Traveller(app);
      const path = await traveller.ask(await traveller.setOut());
      await assertTurnedAway(await traveller.go(change(path)));
    });
  }

  await t.test("without its cookie, or with another's", async () => {
    const [one, other] = [new Traveller(app), new Traveller(app)];
    const path = await one.ask(await one.setOut());
    await assertTurnedAway(await new Traveller(app).go(path));
    await other.setOut();
    await assertTurnedAway(await other.go(path));
    assert.equal((await one.go(path)).headers.get("location"), "/console/");
  });
  await t.test("with a cookie that was changed", async () => {
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    const [secret, , ...rest] = traveller.cookies[FLOW].split(".");
    traveller.cookies[FLOW] = [secret, Buffer.from("other").toString("base64url"), ...rest].join(".");
    await assertTurnedAway(await traveller.go(path));
  });
  await t.test("with a code a second time", async () => {
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    const flow = traveller.cookies[FLOW];
    assert.equal((await traveller.go(path)).headers.get("location"), "/console/");
    await assertTurnedAway(await traveller.go(path));
    traveller.cookies[FLOW] = flow;
    await assertTurnedAway(await traveller.go(path));
  });
  await t.test("with the code of another's flow: its verifier is another", async () => {
    const [one, other] = [new Traveller(app), new Traveller(app)];
    const code = new URL(await one.ask(await one.setOut()), app.url).searchParams.get("code");
    const path = await other.ask(await other.setOut());
    await assertTurnedAway(await other.go(edit(path, (query) => query.set("code", code))));
  });
  await t.test("where the provider was asked without PKCE", async () => {
    const traveller = new Traveller(app);
    const there = new URL(await traveller.setOut());
    there.searchParams.delete("code_challenge");
    await assertTurnedAway(await traveller.go(await traveller.ask(there)));
  });
  await t.test("with a token of another flow", async () => {
    issuer.claims = { nonce: "another" };
    await assertTurnedAway(await new Traveller(app).travel());
    issuer.claims = { nonce: undefined };
    await assertTurnedAway(await new Traveller(app).travel());
    issuer.claims = {};
  });
  await t.test("whom nobody knows", async () => {
    issuer.person = { ...issuer.person, email: "bob@example.org" };
    await assertTurnedAway(await new Traveller(app).travel());
    issuer.person = { ...issuer.person, email: ADA.email };
  });
  await t.test("while the provider or the ledger fails", async () => {
    issuer.instead["/token"] = (_, response) => json(response, 503, {});
    await assertTurnedAway(await new Traveller(app).travel(), "PROVIDER_UNAVAILABLE");
    delete issuer.instead["/token"];
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    app.ledger.fail("fetch", "refused");
    await assertTurnedAway(await traveller.go(path), "LEDGER_UNAVAILABLE");
    await assertTurnedAway(await traveller.go("/v1/session/start?workspace=acme"), "LEDGER_UNAVAILABLE", 302);
    app.ledger.heal();
  });
  await t.test("after the provider was removed", async () => {
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    await letIn(admin);
    await assertTurnedAway(await traveller.go(path));
    await letIn(admin, provider(issuer));
  });
  assert.equal((await new Traveller(app).travel()).headers.get("location"), "/console/");
});

test("the console is told where one may sign in, and a browser goes there alone", async (t) => {
  const { issuer, app, admin } = await seated(t);
  const other = await startIssuer(t);
  const hidden = { ...provider(issuer), audience: "api", sign_in: false };
  await letIn(admin, hidden, provider(issuer), provider(other), { ...provider(issuer), audience: "second" });
  const visitor = new Visitor(app);
  const offered = (slug) => visitor.expect(200, "GET", `/v1/session/providers?workspace=${slug}`);
  assert.deepEqual(await offered("acme"), { providers: [{ issuer: issuer.url }, { issuer: other.url }] });
  for (const slug of ["nowhere", "No-slug", ""]) assert.deepEqual(await offered(slug), { providers: [] });

  const traveller = new Traveller(app);
  const to = async (issuer) => new URL(await traveller.setOut(`workspace=acme&issuer=${encodeURIComponent(issuer)}`));
  assert.equal((await to(other.url)).origin, other.url);
  assert.equal((await to(issuer.url)).searchParams.get("client_id"), "console");
  for (const query of ["workspace=nowhere", "workspace=acme&issuer=https://accounts.example"]) {
    await assertTurnedAway(await traveller.go(`/v1/session/start?${query}`), "SIGN_IN_FAILED", 302);
  }
  assert.equal((await traveller.go("/v1/session/start?workspace=acme&more=1")).status, 400);
  await letIn(admin, hidden);
  await assertTurnedAway(await traveller.go("/v1/session/start?workspace=acme"), "SIGN_IN_FAILED", 302);
});

test("what docs/sign-in.md says to send is taken", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const page = await readFile(new URL("../../docs/sign-in.md", import.meta.url), "utf8");
  const calls = [...page.matchAll(/^curl (-s.*?) -d '(.*?)'$/gms)];
  for (const [, options, body] of calls) {
    const method = options.includes("-X PATCH") ? "PATCH" : "POST";
    const path = options.match(/counterfoil\.example(\S+)/)[1];
    await admin.expect(method === "POST" ? 201 : 200, method, path, JSON.parse(body));
  }
  assert.equal(calls.length, 4);
});

for (const [how, methods] of Object.entries({ "a header": undefined, "the body": ["client_secret_post"] })) {
  test(`a client's secret goes to its own issuer, in ${how}`, async (t) => {
    const secret = "s:e/c r+e%t&ü";
    const issuer = await startIssuer(t, { clients: { "the-console": secret }, methods });
    const thief = await startIssuer(t, { methods });
    const OIDC_CLIENT_SECRETS = JSON.stringify({ [issuer.url]: { "the-console": secret } });
    const app = await start(t, { bindings: { OIDC_CLIENT_SECRETS } });
    const { admin } = await workspace(app, "acme");
    await admin.expect(201, "POST", "/v1/members", ADA);
    await letIn(admin, provider(issuer, { audience: "the-console" }));
    const traveller = new Traveller(app);
    assert.equal((await traveller.travel()).headers.get("location"), "/console/");

    // Whoever manages a workspace may name any issuer with any client id.
    let told = "";
    thief.instead["/token"] = async (request, response) => {
      for await (const chunk of request) told += chunk;
      told += JSON.stringify(request.headers);
      json(response, 400, {});
    };
    thief.instead["/authorize"] = (request, response) => {
      const query = new URL(request.url, thief.url).searchParams;
      const back = `${query.get("redirect_uri")}?code=x&state=${query.get("state")}&iss=${encodeURIComponent(thief.url)}`;
      response.writeHead(302, { location: back }).end();
    };
    await letIn(admin, provider(thief, { audience: "the-console" }));
    await assertTurnedAway(await new Traveller(app).travel());
    assert.match(told, /code_verifier=/);
    assert.doesNotMatch(told, /authorization"|client_secret|s%3Ae/);
  });
}
