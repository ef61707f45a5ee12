// A browser's sign-in through an identity provider, on the real runtime.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Browser, COOKIE, logged, workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { ADA, Visitor, cookies, letIn, provider, seated } from "./identity.mjs";
import { json, startIssuer } from "./issuer.mjs";
import { finder } from "./leaks.mjs";

/** The name of the cookie that stores a sign-in flow. */
const FLOW = "__Host-counterfoil-sign-in";

/** A browser that signs in by following links and redirects only. */
class Traveller {
  cookies = {};

  constructor(app) {
    this.app = app;
  }

  /** Requests a path of the deployment. */
  async go(path) {
    const cookie = Object.entries(this.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    const response = await this.app.fetch(path, { headers: cookie ? { cookie } : {} });
    for (const [name, { value, attributes }] of Object.entries(cookies(response))) {
      if (attributes.includes("Max-Age=0")) delete this.cookies[name];
      else this.cookies[name] = value;
    }
    return response;
  }

  /** Starts a sign-in and returns the provider's URL. */
  async setOut(query = "workspace=acme") {
    const response = await this.go(`/v1/session/start?${query}`);
    assert.equal(response.status, 302);
    return response.headers.get("location");
  }

  /** Visits the provider, which redirects immediately, and returns the redirect's target. */
  async ask(address) {
    const response = await fetch(address, { redirect: "manual" });
    assert.equal(response.status, 302);
    const back = new URL(response.headers.get("location"));
    return back.href.replace(back.origin, "");
  }

  /** The whole sign-in. */
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
  assert.deepEqual([value, attributes.at(-1)], ["", "Max-Age=0"], "the flow has ended");
  assert.equal(cookies(response)[COOKIE], undefined);
}

test("a browser signs in through the provider and gets a session", async (t) => {
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
  assert.deepEqual(Object.keys(traveller.cookies), [COOKIE], "the flow's cookie is deleted");
  const session = await traveller.browser.expect(200, "GET", "/v1/session");
  assert.deepEqual([session.member.id, session.issuer], ["ada", issuer.url]);
  assert.equal((await admin.expect(200, "GET", "/v1/sessions")).items[0].id, session.id);

  const line = await logged(app, back);
  assert.deepEqual([line.route, line.detail, line.code], ["/v1/session/callback", undefined, undefined]);
  const code = new URL(path, app.url).searchParams.get("code");
  const holds = finder([code, state, nonce, kept.value.split(".")[0], traveller.cookies[COOKIE].slice(10, 34)]);
  assert.ok(!holds(app.log.join("\n")), "no secret is in the log");
});

test("a callback that does not match the sign-in flow is refused", async (t) => {
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

  await t.test("without the flow's cookie, or with another flow's", async () => {
    const [one, other] = [new Traveller(app), new Traveller(app)];
    const path = await one.ask(await one.setOut());
    await assertTurnedAway(await new Traveller(app).go(path));
    await other.setOut();
    await assertTurnedAway(await other.go(path));
    assert.equal((await one.go(path)).headers.get("location"), "/console/");
  });
  await t.test("with a modified cookie", async () => {
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    const [secret, , ...rest] = traveller.cookies[FLOW].split(".");
    traveller.cookies[FLOW] = [secret, Buffer.from("other").toString("base64url"), ...rest].join(".");
    await assertTurnedAway(await traveller.go(path));
  });
  await t.test("with a code that was used before", async () => {
    const traveller = new Traveller(app);
    const path = await traveller.ask(await traveller.setOut());
    const flow = traveller.cookies[FLOW];
    assert.equal((await traveller.go(path)).headers.get("location"), "/console/");
    await assertTurnedAway(await traveller.go(path));
    traveller.cookies[FLOW] = flow;
    await assertTurnedAway(await traveller.go(path));
  });
  await t.test("with the code of another flow, which has another code verifier", async () => {
    const [one, other] = [new Traveller(app), new Traveller(app)];
    const code = new URL(await one.ask(await one.setOut()), app.url).searchParams.get("code");
    const path = await other.ask(await other.setOut());
    await assertTurnedAway(await other.go(edit(path, (query) => query.set("code", code))));
  });
  await t.test("if the authorization request had no PKCE challenge", async () => {
    const traveller = new Traveller(app);
    const there = new URL(await traveller.setOut());
    there.searchParams.delete("code_challenge");
    await assertTurnedAway(await traveller.go(await traveller.ask(there)));
  });
  await t.test("with an ID token of another flow", async () => {
    issuer.claims = { nonce: "another" };
    await assertTurnedAway(await new Traveller(app).travel());
    issuer.claims = { nonce: undefined };
    await assertTurnedAway(await new Traveller(app).travel());
    issuer.claims = {};
  });
  await t.test("for an unknown identity", async () => {
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

test("the console lists identity providers, and the CSP allows only these", async (t) => {
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

test("the requests in docs/sign-in.md are accepted", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const page = await readFile(new URL("../../docs/sign-in.md", import.meta.url), "utf8");
  const calls = [...page.matchAll(/^curl (-s.*?) -d '(.*?)'$/gms)];
  for (const [, options, body] of calls) {
    const method = options.includes("-X PATCH") ? "PATCH" : "POST";
    const path = options.match(/counterfoil\.example(\S+)/)[1];
    await admin.expect(method === "POST" ? 201 : 200, method, path, JSON.parse(body));
  }
  assert.equal(calls.length, 5);
});

for (const [how, methods] of Object.entries({ "a header": undefined, "the body": ["client_secret_post"] })) {
  test(`a client secret is sent only to its own issuer, in ${how}`, async (t) => {
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

    // A caller with `workspace:manage` may configure any issuer with any client id.
    let received = "";
    thief.instead["/token"] = async (request, response) => {
      for await (const chunk of request) received += chunk;
      received += JSON.stringify(request.headers);
      json(response, 400, {});
    };
    thief.instead["/authorize"] = (request, response) => {
      const query = new URL(request.url, thief.url).searchParams;
      const back = `${query.get("redirect_uri")}?code=x&state=${query.get("state")}&iss=${encodeURIComponent(thief.url)}`;
      response.writeHead(302, { location: back }).end();
    };
    await letIn(admin, provider(thief, { audience: "the-console" }));
    await assertTurnedAway(await new Traveller(app).travel());
    assert.match(received, /code_verifier=/);
    assert.doesNotMatch(received, /authorization"|client_secret|s%3Ae/);
  });
}
