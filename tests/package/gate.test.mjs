// A gate of the npm package in Node, against the deployed Worker: its requests, and its decisions when they fail.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { Gate, InvalidDemandError, refusal } from "../../build/verify/node.js";
import { bearer, demand, gateOf } from "./harness.mjs";
import { withForgedSeal, withTypo, workspace } from "../worker/client.mjs";
import { eventually } from "../worker/harness.mjs";

test("the gate's decision equals the control plane's", async (t) => {
  const { app, admin, asked, gate } = await gateOf(t, { freshness: "strong" });
  const client = await admin.expect(201, "POST", "/v1/clients", { id: "c1", name: "one", permissions: [] });
  const full = await admin.issue({
    name: "ci",
    scopes: ["orders:read"],
    expires_in: 3600,
    client_id: client.id,
    metadata: { team: [1] },
  });
  const bare = await admin.issue({ scopes: ["orders:write"] });
  for (const { token } of [full, bare]) {
    const theirs = await admin.verify(token, { all_of: ["orders:read"], freshness: "strong" });
    const { freshness, asOf, ...ours } = await gate.verify(bearer(token), demand);
    const { expiresAt, clientId = null, metadata = null, metadataText, ...known } = ours.token;
    assert.deepEqual(
      { ...known, client_id: clientId, metadata, expires_at: expiresAt ? new Date(expiresAt).toISOString() : null },
      { ...theirs.token, expires_at: theirs.token.expires_at && new Date(theirs.token.expires_at).toISOString() },
    );
    assert.deepEqual([ours.valid, ours.code, freshness], [theirs.valid, theirs.code, "strong"]);
    assert.ok(Math.abs(asOf - Date.now()) < 60_000);
  }
  assert.deepEqual(asked, Array(2).fill("/v1/records 1"), "one query per token");
  await gate.verify(bare.token, demand);
  assert.equal(asked.length, 3, "a strong decision is never cached");
  await admin.revoke(full.id);
  assert.equal((await gate.verify(full.token, demand)).code, "REVOKED");
  // Never issued, which its tag shows: no query.
  const other = await workspace(app, "other");
  for (const [text, code] of [
    [withTypo(bare.token), "MALFORMED"],
    [withForgedSeal(bare.token), "UNKNOWN"],
    [other.admin.token, "UNKNOWN"],
    ["", "MALFORMED"],
  ])
    assert.equal((await gate.verify(text, demand)).code, code);
  assert.equal(asked.length, 4);
});

test("an eventual check is decided from the cache without a request", async (t) => {
  const { admin, asked, gate } = await gateOf(t, { freshness: "eventual" });
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  assert.equal((await gate.verify(token, demand)).code, "VALID");
  const compiled = gate.compile(demand);
  const into = new Array(3);
  for (let turn = 0; turn < 1000; turn += 1) {
    assert.equal(gate.check(token, compiled), true);
    assert.ok((await gate.verify(bearer(token), compiled)).valid);
    assert.equal(gate.checkAll([token, withTypo(token), null], compiled, { into }), into);
  }
  assert.deepEqual(into, [true, false, false]);
  assert.deepEqual(gate.checkAll([token, token], compiled), [true, true]);
  assert.equal(asked.length, 1);
  assert.equal(gate.check(token, gate.compile({ ...demand, freshness: "strong" })), undefined);
});

test("a batch has the results that each of its tokens has alone", async (t) => {
  const { admin, gate } = await gateOf(t);
  const [valid, other] = [
    await admin.issue({ scopes: ["orders:read"] }),
    await admin.issue({ scopes: ["orders:write"] }),
  ];
  const bound = await admin.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.0/24"] });
  const texts = [
    valid.token,
    other.token,
    bound.token,
    withTypo(valid.token),
    "short",
    "another-systems-token",
    null,
    "",
  ];
  const compiled = gate.compile(demand);
  const address = "192.0.2.7";
  await gate.verifyAll(texts, compiled, { address });
  // Other lengths than a multiple of 4 or 64, and each token beside each other.
  for (const [count, stride] of [
    [0, 1],
    [1, 1],
    [5, 3],
    [64, 1],
    [131, 3],
    [259, 7],
  ]) {
    const tokens = Array.from({ length: count }, (_, at) => texts[(at * stride) % texts.length]);
    for (const given of [address, undefined]) {
      const alone = tokens.map((token) => gate.check(token, compiled, given));
      assert.deepEqual(gate.checkAll(tokens, compiled, { address: given }), alone);
    }
  }
  assert.deepEqual(gate.checkAll(texts, compiled, { address }).slice(0, 3), [true, false, true]);
  assert.deepEqual(gate.checkAll(texts, undefined, { address }), Array(texts.length).fill(false));
});

test("an eventual check with a registry needs no control plane", async (t) => {
  const read = [];
  let app;
  const registry = { get: (key, type) => (read.push([key, type]), app.stored(key)) };
  const held = await gateOf(t, { registry, freshness: "eventual" });
  ({ app } = held);
  const { key, admin, asked, gate } = held;
  const { token, digest } = await admin.issue({ scopes: ["orders:read"] });
  await eventually(() => app.stored(`r/${key}/${digest}`));
  const { valid, freshness } = await gate.verify(token, demand);
  assert.deepEqual([valid, freshness, asked], [true, "eventual", []]);
  assert.deepEqual(read.map(([name]) => name[0]).sort(), ["o", "r", "w"]);
  assert.ok(read.every(([, type]) => type === "arrayBuffer"));
  // A registry that fails decides nothing: the control plane is queried.
  const broken = new Gate({
    controlPlane: app.url,
    token: held.own.token,
    freshness: "eventual",
    registry: {
      get: async () => {
        throw new Error("on purpose");
      },
    },
  });
  assert.ok((await broken.verify(token, demand)).valid);
});

test("many tokens are queried a hundred per request", async (t) => {
  const { admin, asked, gate } = await gateOf(t, { freshness: "strong" });
  const issued = await Promise.all(Array.from({ length: 3 }, () => admin.issue({ scopes: ["orders:read"] })));
  await admin.revoke(issued[1].id);
  const texts = Array.from({ length: 250 }, (_, at) => (at % 5 === 4 ? "nonsense" : issued[at % 3].token));
  const decisions = await gate.verifyAll(texts, demand);
  const expected = texts.map((text) => ({ nonsense: "MALFORMED", [issued[1].token]: "REVOKED" })[text] ?? "VALID");
  assert.deepEqual(
    decisions.map(({ code }) => code),
    expected,
  );
  assert.deepEqual(
    decisions.map(({ token }) => token?.id),
    texts.map((text) => issued.find(({ token }) => token === text)?.id),
  );
  assert.deepEqual(asked, Array(3).fill("/v1/records 3"), "each digest once");
  const others = Array.from({ length: 100 }, (_, at) => `ghp_another-system's-token-${at}`);
  assert.ok((await gate.verifyAll(others, demand)).every(({ code }) => code === "UNKNOWN"));
  assert.deepEqual(await gate.verifyAll([], demand), []);
});

test("third-party tokens, several workspaces and IP-restricted tokens", async (t) => {
  const { app, key, admin, own } = await gateOf(t);
  const other = await workspace(app, "other");
  const tokens = { [key]: own.token, [other.key]: (await other.admin.issue({ scopes: ["tokens:verify"] })).token };
  const gate = new Gate({ controlPlane: app.url, tokens });
  const text = "ghp_another-system's-token";
  const digest = createHash("sha256").update(text).digest("hex");
  await other.admin.expect(200, "POST", "/v1/tokens/import", {
    tokens: [{ digest, name: "old", scopes: ["orders:read"] }],
  });
  assert.equal((await gate.verify(text, demand)).token.workspace, "other");
  for (const one of [admin, other.admin]) {
    const bound = await one.issue({ scopes: ["orders:read"], allowed_addresses: ["192.0.2.0/24"] });
    assert.equal((await gate.verify(bound.token, demand)).code, "ADDRESS_NOT_ALLOWED");
    assert.equal(
      (await gate.verify(bearer(bound.token), demand, { address: "198.51.100.1" })).code,
      "ADDRESS_NOT_ALLOWED",
    );
    assert.equal((await gate.verify(bearer(bound.token), demand, { address: "192.0.2.7" })).code, "VALID");
    assert.equal((await gate.verifyAll([bound.token], demand, { address: "192.0.2.7" }))[0].code, "VALID");
    const knowing = new Gate({ controlPlane: app.url, tokens, address: ({ from }) => from });
    assert.equal((await knowing.verify({ ...bearer(bound.token), from: "192.0.2.7" }, demand)).code, "VALID");
    // A header that any client can send is not used as address.
    const headers = { authorization: `Bearer ${bound.token}`, "cf-connecting-ip": "192.0.2.7" };
    assert.equal((await gate.verify({ headers }, demand)).code, "ADDRESS_NOT_ALLOWED");
  }
});

test("tokens are read from the same headers as by the control plane", async (t) => {
  const { app, admin, gate } = await gateOf(t);
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  const another = await admin.issue({ scopes: ["orders:read"] });
  const requests = [
    {},
    { authorization: `Bearer ${token}` },
    { authorization: `bEARER   ${token} ` },
    { authorization: `Basic ${token}` },
    { authorization: "Bearer" },
    { authorization: `Token ${token}` },
    { authorization: `Bearer ${token} ${token}` },
    { "x-api-key": token },
    { "x-api-key": "" },
    { "x-api-key": token, authorization: `Bearer ${token}` },
    { "x-api-key": token, authorization: `Bearer ${another.token}` },
    { "x-lgca-token": token, "x-lgca-domain": "acme" },
    { "x-lgca-token": token, "x-lgca-domain": "other" },
    { "x-lgca-token": token },
    { "x-lgca-token": token, "x-lgca-domain": "acme", "x-api-key": another.token },
    { authorization: `Bearer ${token}, Bearer ${token}` },
    { authorization: `Bearer ${token},Bearer ${token}` },
    { authorization: `Bearer ${token}, Bearer ${another.token}` },
    { authorization: `Basic c3RhZ2luZzpwdw==, Bearer ${token}` },
    { authorization: "Basic c3RhZ2luZzpwdw==", "x-api-key": token },
    { "x-api-key": `${token}, ${token}` },
    { "x-lgca-token": `${token}, ${token}`, "x-lgca-domain": "other" },
    { authorization: `Bearer ${withTypo(token)}` },
    { authorization: `Bearer ${withForgedSeal(token)}` },
  ];
  for (const headers of requests) {
    const response = await app.fetch("/v1/tokens/self", { headers });
    const { code, detail } = await response.json();
    for (const form of [new Headers(headers), headers]) {
      const decision = await gate.verify({ headers: form }, demand);
      assert.equal(decision.code, code ?? "VALID", JSON.stringify(headers));
      if (decision.valid) continue;
      const refused = refusal(decision, demand);
      assert.equal(refused.status, response.status);
      if (response.status === 401) {
        assert.equal(refused.headers["www-authenticate"], response.headers.get("www-authenticate"));
      }
      const problem = JSON.parse(refused.body);
      assert.deepEqual([problem.status, problem.detail], [response.status, detail]);
    }
  }
  assert.deepEqual(await gate.verify(undefined, demand), { valid: false, code: "NO_CREDENTIAL" });
});

test("rejections use the status and challenge of RFC 6750", () => {
  const challenge = (code, demand) => {
    const { status, headers } = refusal({ code }, demand);
    return [status, headers["www-authenticate"]];
  };
  const realm = 'Bearer realm="counterfoil"';
  assert.deepEqual(challenge("NO_CREDENTIAL"), [401, realm]);
  assert.deepEqual(challenge("REVOKED"), [401, `${realm}, error="invalid_token"`]);
  assert.deepEqual(challenge("AMBIGUOUS_CREDENTIAL"), [400, `${realm}, error="invalid_request"`]);
  const insufficient = `${realm}, error="insufficient_scope"`;
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE"), [403, insufficient]);
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE", { allOf: ["a:b", "c"] }), [403, `${insufficient}, scope="a:b c"`]);
  assert.deepEqual(challenge("INSUFFICIENT_SCOPE", { allOf: ["a"], anyOf: ["b", "c"] }), [
    403,
    `${insufficient}, scope="a b"`,
  ]);
  const many = Array.from({ length: 200 }, (_, at) => `a:${at}`);
  assert.deepEqual(
    challenge("INSUFFICIENT_SCOPE", { allOf: many }),
    [403, insufficient],
    "the header is short enough for proxies",
  );
  for (const [code, status] of [
    ["NO_ROUTE", 403],
    ["ADDRESS_NOT_ALLOWED", 403],
    ["RATE_LIMITED", 429],
    ["UNAVAILABLE", 503],
  ]) {
    assert.deepEqual(challenge(code), [status, undefined]);
  }
  assert.equal(refusal({ code: "UNAVAILABLE" }).headers["retry-after"], "1");
});

test("the missing scope is named as by the control plane", async (t) => {
  const { app, admin, own, gate } = await gateOf(t);
  const { token } = await admin.issue({ scopes: ["orders:read", "tokens:*"] });
  for (const [allOf, anyOf] of [
    [["orders:read", "orders:write"], []],
    [
      ["orders:write", "tokens:read", "x"],
      ["orders:read", "y"],
    ],
    [["orders:read"], ["a", "b"]],
    [["c"], ["a", "b"]],
    [[], ["a"]],
    [["tokens"], ["tokens:a.b"]],
  ]) {
    const decision = await gate.verify(token, { allOf, anyOf });
    const { status, headers, body } = refusal(decision, { allOf, anyOf });
    const asked = {
      authorization: `Bearer ${token}`,
      "x-counterfoil-gateway": own.token,
      "x-counterfoil-scopes": allOf.join(" "),
      "x-counterfoil-any-scope": anyOf.join(" "),
    };
    const theirs = await app.fetch("/authorize", { headers: asked });
    const challenge = theirs.headers.get("www-authenticate");
    const { detail } = await theirs.json();
    assert.deepEqual(
      [status, headers["www-authenticate"], JSON.parse(body).detail],
      [theirs.status, challenge, detail],
    );
    assert.match(challenge, /, scope="[^"]+"$/);
  }
});

// --- failures

/** A server with this response, until the test `t` ends; returns its URL. */
async function answering(t, handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

test("an unreachable control plane fails closed and is reported once a minute", { timeout: 60_000 }, async (t) => {
  const { app, admin, own, failures } = await gateOf(t);
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  let now = Date.now();
  const gateAt = (controlPlane, others) => {
    failures.length = 0;
    return new Gate({
      controlPlane,
      token: own.token,
      onFailure: ({ message }) => failures.push(message),
      now: () => now,
      ...others,
    });
  };
  const nowhere = await answering(t, () => {});
  const failing = {
    404: (_, response) => response.writeHead(404).end("<html>"),
    500: (_, response) => response.writeHead(500, { "content-type": "application/json" }).end('{"code":"INTERNAL"}'),
    302: (_, response) => response.writeHead(302, { location: app.url }).end(),
  };
  for (const [status, handler] of Object.entries(failing)) {
    const gate = gateAt(await answering(t, handler));
    assert.equal((await gate.verify(token, demand)).code, "UNAVAILABLE");
    assert.equal(failures.length, 1);
    assert.ok(failures[0].startsWith(`Counterfoil could not answer: ${status}`), failures[0]);
  }
  const echo = gateAt(
    await answering(t, (request, response) =>
      response.writeHead(500).end(JSON.stringify({ code: request.headers.authorization })),
    ),
  );
  assert.equal((await echo.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(
    failures,
    ["Counterfoil could not answer: 500"],
    "the message does not contain the gate's own token",
  );
  const nonsense = gateAt(await answering(t, (_, response) => response.end("nonsense")));
  assert.equal((await nonsense.verify(token, demand)).code, "UNAVAILABLE");

  const gate = gateAt(nowhere, { timeout: 20 });
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await gate.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(failures, ["Counterfoil cannot be reached, or did not respond within 20 ms."]);
  now += 60_000;
  await gate.verify(token, demand);
  assert.equal(failures.length, 2);

  const refused = gateAt(app.url);
  await admin.revoke(own.id);
  assert.equal((await refused.verify(token, demand)).code, "UNAVAILABLE");
  assert.deepEqual(failures, [
    "Counterfoil rejected the gate's own token, which must be live and have the scope tokens:verify: 401 REVOKED",
  ]);
  const weak = await admin.issue({ scopes: ["orders:read"] });
  const mistaken = gateAt(app.url, { token: weak.token });
  assert.equal((await mistaken.verify(token, demand)).code, "UNAVAILABLE");
  assert.match(failures[0], /403 INSUFFICIENT_SCOPE$/);
});

test("invalid gate options throw at once", async (t) => {
  const { app, own, gate } = await gateOf(t);
  const controlPlane = app.url;
  const wrong = [
    {},
    { token: own.token },
    { controlPlane },
    { controlPlane, token: "" },
    { controlPlane, token: withTypo(own.token) },
    { controlPlane, token: "ghp_another-system's-token" },
    { controlPlane, tokens: {} },
    { controlPlane, tokens: { short: "x" } },
    { controlPlane: "http://counterfoil.example", token: own.token },
    { controlPlane: "counterfoil.example", token: own.token },
    { controlPlane: {}, token: own.token },
    { controlPlane, token: own.token, freshness: "fresh" },
  ];
  for (const options of wrong) {
    assert.throws(
      () => new Gate(options),
      (error) => error instanceof TypeError && !error.message.includes(own.token),
    );
  }
  for (const [given, code] of [
    [{ all_of: ["orders:read"] }, "UNKNOWN_FIELD"],
    [{ workspaces: ["0Ab3dE"] }, "UNKNOWN_FIELD"],
    [{ allOf: ["orders:*"] }, "INVALID_SCOPE"],
    [{ freshness: "fresh" }, "INVALID_FRESHNESS"],
  ]) {
    assert.throws(
      () => gate.compile(given),
      (error) => error instanceof InvalidDemandError && error.code === code,
    );
    await assert.rejects(gate.verify(own.token, given), InvalidDemandError);
  }
  assert.equal((await gate.verify(own.token, 7)).code, "UNAVAILABLE", "a number that is not a compiled requirement");
  for (const local of ["http://localhost:1", "http://[::1]:1", "https://counterfoil.example"]) {
    new Gate({ controlPlane: local, token: own.token });
  }
});
