// The example `gateway-worker`, installed, bundled and run as users do, between a real deployment and an origin server.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "@softvisio/core/websocket";
import { withForgedSeal, withTypo, workspace } from "../worker/client.mjs";
import { eventually, start } from "../worker/harness.mjs";
import { finder, secretOf } from "../worker/leaks.mjs";
import { bundled, project, running } from "./installed.mjs";
import { Asker, Origin } from "./origin.mjs";

const { fetch } = await import("miniflare");

const WORKER = await bundled(await project("examples/gateway-worker"));

/**
 * The gateway between a new deployment and a new origin server, with what callers need.
 *
 * @param options.between creates the service that the gateway is bound to, if it is not the deployment itself
 */
async function setUp(t, { variables = {}, byUrl = false, registry = false, handle, path = "", between } = {}) {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify"] });
  const origin = await Origin.start(t, handle);
  const address = app.url.host;
  const bindings = {
    variables: {
      ORIGIN: origin.url + path,
      COUNTERFOIL_TOKEN: gateway.token,
      ...(byUrl && { COUNTERFOIL: app.url.origin }),
      ...variables,
    },
    services: byUrl ? {} : { COUNTERFOIL: between?.(app) ?? { external: { address, http: {} } } },
  };
  const worker = await running(t, WORKER, bindings, { registry });
  return { app, key, admin, gateway, origin, worker, asker: new Asker(t, worker.url, origin) };
}

/** A response's status, code and challenge, and whether the origin server got the request. */
const outcome = ({ status, body, headers, seen }) => [
  status,
  body?.code,
  headers["www-authenticate"],
  seen !== undefined,
];

for (const byUrl of [false, true]) {
  test(`authorized requests are forwarded, with the deployment ${byUrl ? "by its URL" : "bound as a service"}`, async (t) => {
    const { app, admin, gateway, origin, worker, asker } = await setUp(t, { byUrl, path: "/v2/" });
    await admin.expect(201, "POST", "/v1/clients", { id: "app", name: "App", permissions: [] });
    const reader = await admin.issue({ scopes: ["orders:read"], client_id: "app" });
    const writer = await admin.issue({ scopes: ["orders:write"] });

    await t.test("an authorized request, with identity headers", async () => {
      for (const [method, path, { token, id }, body] of [
        ["GET", "/orders/1?of=ada&x=%2F", reader],
        ["HEAD", "/orders/1", reader],
        ["GET", "/orders", reader],
        ["POST", "/orders/", writer, '{"order": 1}'],
        ["DELETE", "/orders/1", writer, "why"],
        ["GET", "/reports/2026", writer],
        ["PROPFIND", "/me", reader],
      ]) {
        const { status, seen } = await asker.send(method, path, { token, body });
        assert.equal(status, 200, `${method} ${path}`);
        assert.deepEqual([seen.method, seen.url, seen.body], [method, `/v2${path}`, body ?? ""]);
        const scopes = id === reader.id ? "orders:read" : "orders:write";
        const client = id === reader.id ? "app" : undefined;
        assert.deepEqual(identityOf(seen), [id, "admin", scopes, "acme", client]);
        assert.equal(seen.headers.host, new URL(origin.url).host);
        assert.equal(seen.headers["cache-control"], "no-cache", "no cache responds in place of the origin");
      }
      const { seen } = await asker.send("GET", "/me", { headers: { "X-API-Key": reader.token } });
      assert.deepEqual([identityOf(seen)[0], seen.headers["x-api-key"]], [reader.id, undefined]);
    });

    await t.test("a public route", async () => {
      for (const headers of [
        {},
        { authorization: "Basic cm9vdDo=" },
        { authorization: `Bearer ${withTypo(reader.token)}` },
      ]) {
        const { status, seen } = await asker.send("GET", "/health", { headers });
        assert.deepEqual([status, identityOf(seen).some(Boolean), seen.headers.authorization], [200, false, undefined]);
      }
    });

    await t.test("an unauthorized request gets the reason and is not forwarded", async () => {
      const challenge = 'Bearer realm="counterfoil"';
      const invalid = `${challenge}, error="invalid_token"`;
      const lacks = (scope) => `${challenge}, error="insufficient_scope", scope="${scope}"`;
      const { admin: other } = await workspace(app, "other");
      const soon = await admin.issue({ scopes: [], not_before: "2100-01-01T00:00:00Z" });
      const off = await admin.issue({ scopes: [], enabled: false });
      const elsewhere = await admin.issue({ scopes: [], allowed_addresses: ["192.0.2.1"] });
      const bare = await admin.issue({ scopes: ["tokens:read"] });
      for (const [method, path, options, ...expected] of [
        ["GET", "/me", {}, 401, "NO_CREDENTIAL", challenge],
        ["GET", "/me", { headers: { authorization: "Basic cm9vdDo=" } }, 401, "UNREADABLE_CREDENTIAL", invalid],
        ["GET", "/me", { token: "short" }, 401, "MALFORMED", invalid],
        ["GET", "/me", { token: withTypo(reader.token) }, 401, "MALFORMED", invalid],
        ["GET", "/me", { token: withForgedSeal(reader.token) }, 401, "UNKNOWN", invalid],
        ["GET", "/me", { token: other.token }, 401, "UNKNOWN", invalid],
        ["GET", "/me", { token: soon.token }, 401, "NOT_YET_VALID", invalid],
        ["GET", "/me", { token: off.token }, 401, "DISABLED", invalid],
        ["GET", "/me", { token: elsewhere.token }, 403, "ADDRESS_NOT_ALLOWED", undefined],
        ["POST", "/orders/1", { token: reader.token, body: "x" }, 403, "INSUFFICIENT_SCOPE", lacks("orders:write")],
        ["GET", "/orders/1", { token: writer.token }, 403, "INSUFFICIENT_SCOPE", lacks("orders:read")],
        ["GET", "/reports/2026", { token: bare.token }, 403, "INSUFFICIENT_SCOPE", lacks("orders:read")],
        ["GET", "/reports/2026/raw", { token: reader.token }, 403, "NO_ROUTE", undefined],
        ["POST", "/reports/2026", { token: reader.token }, 403, "NO_ROUTE", undefined],
        ["OPTIONS", "/orders/1", { token: reader.token }, 403, "NO_ROUTE", undefined],
        ["GET", "/", {}, 403, "NO_ROUTE", undefined],
        [
          "GET",
          "/me",
          { token: reader.token, headers: { "x-api-key": writer.token } },
          400,
          "AMBIGUOUS_CREDENTIAL",
          `${challenge}, error="invalid_request"`,
        ],
      ]) {
        const answer = await asker.send(method, path, options);
        assert.deepEqual(outcome(answer), [...expected, false], `${method} ${path} ${expected[1]}`);
        assert.equal(answer.headers["content-type"], "application/problem+json");
      }
      const here = { "cf-connecting-ip": "192.0.2.1" };
      assert.equal((await asker.send("GET", "/me", { token: elsewhere.token, headers: here })).status, 200);
    });

    await t.test("an expired token", async () => {
      const brief = await admin.issue({ scopes: ["orders:write"], expires_in: 1 });
      const late = await eventually(async () => {
        const answer = await asker.send("POST", "/orders", { token: brief.token });
        return answer.status !== 200 && answer;
      });
      assert.deepEqual([late.status, late.body.code, late.seen], [401, "EXPIRED", undefined]);
    });

    await t.test("a revoked token, on a strong route with the next request", async () => {
      for (let round = 0; round < 5; round += 1) {
        const { id, token } = await admin.issue({ scopes: ["orders:write"] });
        assert.equal((await asker.send("POST", "/orders", { token })).status, 200);
        await admin.revoke(id);
        assert.deepEqual(outcome(await asker.send("POST", "/orders", { token })).slice(0, 2), [401, "REVOKED"]);
      }
    });

    await t.test("an imported token", async () => {
      const token = "sk_live_ofAnotherSystem.2019";
      const digest = createHash("sha256").update(token).digest("hex");
      assert.equal((await asker.send("GET", "/me", { token })).body.code, "UNKNOWN");
      const line = { digest, name: "old", scopes: ["orders:write"] };
      await admin.expect(200, "POST", "/v1/tokens/import", { tokens: [line] });
      const { seen } = await asker.send("POST", "/orders", { token });
      assert.deepEqual(identityOf(seen).slice(1, 4), ["admin", "orders:write", "acme"]);
      assert.ok(!JSON.stringify(origin.seen).includes(token));
    });

    assert.deepEqual(origin.numbers, asker.admitted, "only authorized requests reached the origin");
    const holdsSecret = finder([reader, writer, gateway, admin].map(({ token }) => secretOf(token)));
    assert.ok(!holdsSecret(JSON.stringify(origin.seen)), "no token reached the origin");
    assert.ok(!holdsSecret(worker.said()), "no token is in the log");
  });
}

/** The identity headers that the origin server got. */
function identityOf({ headers }) {
  return ["id", "owner", "scopes", "workspace", "client"].map((name) => headers[`x-token-${name}`]);
}

test("PASS_TOKEN forwards the token and no other credential header", async (t) => {
  const { admin, asker } = await setUp(t, { variables: { PASS_TOKEN: "true" } });
  const { id, token } = await admin.issue({ scopes: [] });
  const headers = {
    authorization: `Bearer ${token}`,
    "x-api-key": token,
    "x-token-owner": "root",
    "x-http-method-override": "DELETE",
  };
  const { seen } = await asker.send("GET", "/me", { headers });
  assert.deepEqual([seen.headers.authorization, seen.headers["x-api-key"]], [`Bearer ${token}`, token]);
  assert.deepEqual(identityOf(seen).slice(0, 2), [id, "admin"]);
  assert.equal(seen.headers["x-http-method-override"], undefined);
});

test("identity headers of clients are never forwarded", async (t) => {
  const { admin, asker } = await setUp(t);
  const { id, token } = await admin.issue({ scopes: [] });
  const forged = {
    "X-Token-Id": "tok_forged",
    "x-token-scopes": "forged",
    "X-TOKEN-WORKSPACE": "forged",
    "X-Token-Client": "forged",
    "X-Token-Scopes-Complete": "forged",
    "X-Token-Of-Tomorrow": "forged",
    x_token_owner: "forged",
    X_TOKEN_ID: "forged",
    "X-Token_Client": "forged",
    "X.Token.Owner": "forged",
    "x-token.client": "forged",
    "x.http.method.override": "forged",
    "X.Api.Key": "forged",
    "X-Counterfoil-Gateway": "forged",
    x_counterfoil_gateway: "forged",
    "X-Counterfoil-Scopes": "forged",
    "X-HTTP-Method-Override": "forged",
    x_http_method_override: "forged",
    "X-HTTP-Method": "forged",
    "X-Method-Override": "forged",
    "X-Original-URL": "/forged",
    "X-Rewrite-URL": "/forged",
    X_Api_Key: "forged",
    // Asks a proxy to remove the gateway's headers.
    Connection: "close, x-token-owner, x-token-id",
  };
  for (const path of ["/me", "/health"]) {
    const { status, seen } = await asker.send("GET", path, { token, headers: { ...forged, "X-Other": "kept" } });
    assert.deepEqual([status, seen.headers["x-other"]], [200, "kept"]);
    assert.ok(!JSON.stringify(seen).includes("forged"), JSON.stringify(seen));
    if (path === "/me") assert.deepEqual(identityOf(seen), [id, "admin", "", "acme", undefined]);
  }
});

test("the policy decides on the path that is forwarded, however it is spelled", async (t) => {
  const { admin, origin, asker } = await setUp(t, { path: "/v2" });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  const bare = await admin.issue({ scopes: [] });
  for (const path of [
    "//admin",
    "///admin",
    "/./admin",
    "/orders/../admin",
    "/orders/%2e%2e/admin",
    "/orders/.%2E/admin",
    "/orders\\..\\admin",
    "/orders/..%2fadmin",
    "/orders/%2e%2e%2fadmin",
    "/orders/..%5cadmin",
    "/orders/..;/admin",
    "/orders/..;x=y/admin",
    "/orders/%252e%252e%252fadmin",
    "/orders/%252e%252e/admin",
    "/orders//../../admin",
    "/orders/%00/../../admin",
    "/orders/%c0%ae%c0%ae/admin",
    "/health%2f..%2fadmin",
    "/health;/../admin",
    "/orders;/1",
    "/orders/a;b=c",
    "/orders//1",
    "//orders/1",
    "/orders/1//",
    "/orders/%",
    "/orders/%zz",
    "/orders/%0a",
    "/ORDERS/1",
    "/Orders/1",
    "/Health",
    "/ADMIN",
    "/admin/",
    "/admin?/orders/1",
    "/admin#/orders/1",
    "/admin;/orders/1",
    "//evil.example/orders/1",
    "/\\evil.example/orders/1",
    "/@evil.example/orders/1",
    "/%2f%2fevil.example/orders/1",
    "http://evil.example/admin",
    "http://user@evil.example/admin",
    "evil.example:443",
    "*",
    "orders/1",
  ]) {
    const { status, seen } = await asker.send("GET", path, { token });
    assert.ok(status >= 400, `${status} ${path}`);
    assert.equal(seen, undefined, path);
  }
  // An unambiguous path is accepted: the path that the policy decided on is forwarded.
  for (const [path, whose, status, url] of [
    ["/health/", undefined, 200, "/v2/health/"],
    ["/orders/1/", token, 200, "/v2/orders/1/"],
    ["/orders/../me", bare.token, 200, "/v2/me"],
    ["/orders/%2e%2e/me", bare.token, 403, undefined],
    ["/orders\\..\\me", bare.token, 403, undefined],
    ["/me/../orders/1", bare.token, 403, undefined],
    ["/health/../orders/1", undefined, 401, undefined],
    ["/me?//evil.example/../admin", bare.token, 200, "/v2/me?//evil.example/../admin"],
    ["/orders/caf%C3%A9%20au%20lait", token, 200, "/v2/orders/caf%C3%A9%20au%20lait"],
    ["/orders/100%25%3F", token, 200, "/v2/orders/100%25%3F"],
  ]) {
    const answer = await asker.send("GET", path, { token: whose });
    assert.deepEqual([answer.status, answer.seen?.url], [status, url], path);
  }
  // The runtime either rejects an absolute URL or reduces it to a path of this gateway.
  const { seen } = await asker.send("GET", "http://evil.example/orders/1", { token });
  assert.ok(seen === undefined || seen.url === "/v2/orders/1");
  assert.deepEqual(origin.numbers, asker.admitted);
});

test("bodies are streamed in both directions", async (t) => {
  const arrived = [];
  const { admin, origin, asker } = await setUp(t, {
    async handle(request, response) {
      response.writeHead(207, { "x-of-origin": "yes" }).write("before; ");
      for await (const chunk of request) {
        arrived.push(String(chunk));
        response.write(`${chunk}; `);
      }
      response.end("after");
    },
  });
  const { token } = await admin.issue({ scopes: ["orders:write"] });
  const sent = asker.open("POST", "/orders", { authorization: `Bearer ${token}` });
  let answer;
  let came = "";
  let ended = false;
  sent.on("response", (response) => {
    answer = response
      .setEncoding("utf8")
      .on("data", (chunk) => (came += chunk))
      .on("end", () => (ended = true));
  });
  sent.write("first");
  await eventually(() => came === "before; first; ");
  assert.deepEqual(arrived, ["first"], "the first chunk arrives before the request ends");
  sent.end("second");
  await eventually(() => ended);
  assert.deepEqual(
    [answer.statusCode, answer.headers["x-of-origin"], came],
    [207, "yes", "before; first; second; after"],
  );
  assert.equal(origin.seen.length, 1);
});

test("redirects of the origin server are passed to the client", async (t) => {
  const { asker, origin } = await setUp(t, {
    handle: (_, response) =>
      response.writeHead(302, { location: "https://elsewhere.example/", "set-cookie": ["a=1", "b=2"] }).end(),
  });
  const { status, headers } = await asker.send("GET", "/health");
  assert.deepEqual(
    [status, headers.location, headers["set-cookie"]],
    [302, "https://elsewhere.example/", ["a=1", "b=2"]],
  );
  assert.equal(origin.seen.length, 1);
});

test("a WebSocket is verified when it opens", async (t) => {
  const { admin, origin, worker } = await setUp(t);
  const { id, token } = await admin.issue({ scopes: ["orders:read"] });
  const open = (headers) => {
    const socket = new WebSocket(new URL("/orders/live", worker.url), { headers });
    t.after(() => socket.terminate());
    return socket.on("error", () => {});
  };
  const socket = open({ authorization: `Bearer ${token}`, "x-token-id": "forged" });
  await once(socket, "open");
  socket.send("hello");
  assert.equal(String((await once(socket, "message"))[0]), "hello, says the origin");
  assert.deepEqual([identityOf(origin.seen[0])[0], origin.seen[0].headers.authorization], [id, undefined]);
  const [, refused] = await once(open({}), "unexpected-response");
  assert.deepEqual([refused.statusCode, origin.seen.length], [401, 1]);
});

test("an unreachable origin server gives a 502", async (t) => {
  const { origin, asker } = await setUp(t);
  origin.stop();
  const { status, body } = await asker.send("GET", "/health");
  assert.deepEqual([status, body.status, body.code], [502, 502, "ORIGIN_UNREACHABLE"]);
});

test("without Counterfoil each route works as long as its freshness level allows", async (t) => {
  const asked = [];
  const counting = (app) => async (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const [authorization, type] = ["authorization", "content-type"].map((name) => request.headers.get(name));
    const headers = { authorization, "content-type": type };
    return fetch(new URL(pathname, app.url), { method: request.method, headers, body: await request.text() });
  };
  const { app, key, admin, origin, asker, worker } = await setUp(t, { registry: true, between: counting });
  const known = await admin.issue({ scopes: ["orders:read", "orders:write"] });
  const dead = await admin.issue({ scopes: ["orders:read"] });
  const stored = async ({ digest }) => {
    const bytes = await app.stored(`r/${key}/${digest}`);
    return bytes && Buffer.from(bytes).toString("hex");
  };
  for (const kind of ["o/", "w/"]) await eventually(async () => (await app.keys(kind)).length > 0);
  await eventually(() => stored(known));
  const live = await eventually(() => stored(dead));
  await admin.revoke(dead.id);
  await eventually(async () => (await stored(dead)) !== live);
  // As KV replicates it to the gateway's location.
  const registry = await worker.registry();
  for (const key of await app.keys()) await registry.put(key, await app.stored(key));

  const ROUTES = {
    strong: ["POST", "/orders/1"],
    bounded: ["GET", "/me"],
    "or eventual": ["GET", "/orders/1"],
    eventual: ["GET", "/reports/2026"],
  };
  const ask = async (route, { token } = known) => outcome(await asker.send(...ROUTES[route], { token })).slice(0, 2);
  const passes = [200, undefined];

  for (let round = 0; round < 3; round += 1) assert.deepEqual(await ask("eventual"), passes);
  assert.deepEqual(asked, [], "an eventual route sends no request to Counterfoil");
  for (let round = 1; round <= 3; round += 1) {
    assert.deepEqual(await ask("strong"), passes);
    assert.deepEqual(asked, Array(round).fill("/v1/records"), "a strong route sends one query per request");
  }
  asked.length = 0;
  for (let round = 1; round <= 3; round += 1) {
    for (const route of ["bounded", "or eventual"]) assert.deepEqual(await ask(route), passes);
    assert.deepEqual(asked, ["/v1/lease"], "bounded routes send one query and then share the cache");
  }

  const unseen = await admin.issue({ scopes: ["orders:read"] });
  app.ledger.fail("fetch", "refused");
  const lost = [503, "UNAVAILABLE"];
  const strong = await asker.send(...ROUTES.strong, { token: known.token });
  assert.deepEqual([outcome(strong), strong.headers["retry-after"]], [[...lost, undefined, false], "1"]);
  assert.deepEqual(await ask("bounded"), passes, "the lease has not expired");
  // Until it expires: 8.8 seconds after its last renewal.
  await eventually(async () => (await ask("bounded"))[0] === 503, 15);
  const expected = { strong: lost, bounded: lost, "or eventual": passes, eventual: passes };
  for (const [route, answer] of Object.entries(expected)) assert.deepEqual(await ask(route), answer, route);
  for (const route of ["or eventual", "eventual"]) {
    assert.deepEqual(await ask(route, dead), [401, "REVOKED"]);
    assert.deepEqual(await ask(route, unseen), lost, "the token is not in the registry at this location");
  }
  assert.equal((await asker.send("GET", "/health")).status, 200);
  assert.deepEqual(origin.numbers, asker.admitted);
  assert.equal(worker.said().match(/Counterfoil could not answer: 503/g)?.length, 1, "the log states the reason once");

  app.ledger.heal();
  // One check retries after a back-off of at most two seconds.
  await eventually(async () => (await ask("bounded"))[0] === 200, 4);
  for (const route of Object.keys(ROUTES)) assert.deepEqual(await ask(route), passes, route);
});

test("a lease is renewed in the background after the response", async (t) => {
  const asked = [];
  const slowly = (app) => async (request) => {
    const body = await request.text();
    const { digests } = JSON.parse(body);
    asked.push(digests.length);
    if (digests.length === 0) await sleep(500);
    const [authorization, type] = ["authorization", "content-type"].map((name) => request.headers.get(name));
    return fetch(new URL("/v1/lease", app.url), {
      method: "POST",
      headers: { authorization, "content-type": type },
      body,
    });
  };
  const { admin, asker } = await setUp(t, { between: slowly });
  // Of 6 seconds 4.88 are used; after 2.44 it is renewed.
  await admin.expect(200, "PATCH", "/v1/workspace", { lease_max: 6 });
  const { token } = await admin.issue({ scopes: [] });
  const ask = async () => {
    const before = Date.now();
    assert.equal((await asker.send("GET", "/me", { token })).status, 200);
    return Date.now() - before;
  };
  await ask();
  await sleep(2_600);
  assert.ok((await ask()) < 500, "no request waits for the renewal");
  assert.deepEqual(asked, [1, 0]);
  await sleep(2_600);
  await ask();
  assert.equal(asked.filter((digests) => digests > 0).length, 1, "the lease was renewed before it expired");
});

test("without Counterfoil from the start only public routes are served", async (t) => {
  const stopped = await Origin.start(t);
  stopped.stop();
  const { admin, asker, worker } = await setUp(t, { byUrl: true, variables: { COUNTERFOIL: stopped.url } });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  for (const path of ["/me", "/orders/1"]) {
    assert.deepEqual(outcome(await asker.send("GET", path, { token })), [503, "UNAVAILABLE", undefined, false]);
  }
  assert.equal((await asker.send("GET", "/health")).status, 200);
  assert.match(worker.said(), /Counterfoil cannot be reached/);
});
