// An offline gate: which tokens it accepts, and which files.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import Express from "express";
import { Hono } from "hono";
import { Gate, InvalidSnapshotError } from "../../build/verify/node.js";
import { guard as expressGuard } from "../../build/verify/express.js";
import { guard, originHeaders } from "../../build/verify/fetch.js";
import { guard as honoGuard } from "../../build/verify/hono.js";
import { Policy } from "../../build/verify/policy.js";
import { demand } from "./harness.mjs";
import { writeSnapshot } from "../vectors/write.mjs";

const NOW = 1_798_761_600_000;
const HOUR = 3_600_000;

const WORKSPACE = {
  version: 1,
  key: "0Ab3dE",
  slug: "acme",
  suspended: false,
  has_imports: false,
  freshness: [["orders:write", "strong"]],
};
const OWNER = { version: 1, number: 1, id: "ada", suspended: false, grants: ["*"], revoked_before: 0 };

const [live, revoked, bound] = ["live", "revoked", "bound"].map((word) => `another-systems-${word}-token`);
const unknown = "another-systems-unknown-token";

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { keys: [publicKey.export({ format: "jwk" })], jwk: privateKey.export({ format: "jwk" }) };
}
const { keys, jwk } = keyPair();
const untrusted = keyPair();

/** A token in the form of a segment. */
const token = (text, number, about = {}) => ({
  digest: createHash("sha256").update(text).digest("hex"),
  found: {
    number,
    owner: 1,
    scopes: ["orders:read", "orders:write"],
    revoked: false,
    enabled: true,
    not_before: null,
    expires_at: null,
    replaced_until: null,
    addresses: [],
    ...about,
  },
});

/** Three tokens in a file that is valid for an hour. */
function snapshot({ asOf = NOW, expiresAt = asOf + HOUR, workspace = WORKSPACE, changed = {}, signed = jwk } = {}) {
  return writeSnapshot({
    header: { epoch: 1, generation: 9, without_addresses: true, without_weak: true, workspace },
    bits: 1,
    tokens: [
      token(live, 1, changed),
      token(revoked, 2, { revoked: true }),
      token(bound, 3, { addresses: ["192.0.2.0/24"] }),
    ],
    ranges: [{ first: 1, last: 1023 }],
    owners: [OWNER],
    asOf,
    expiresAt,
    jwk: signed,
  });
}

/** An offline gate with the clock `clock.now`, and the errors that it reported. */
async function offline(file = snapshot()) {
  const [clock, failures] = [{ now: NOW }, []];
  const onFailure = ({ message }) => failures.push(message);
  const gate = await Gate.offline(file, { keys, now: () => clock.now, onFailure });
  return { gate, clock, failures };
}

const refusedWith = (code) => (error) => {
  assert.ok(error instanceof InvalidSnapshotError);
  assert.equal(error.code, code);
  assert.ok(error.message.length > 10 && !error.message.includes("acme") && !error.message.includes(WORKSPACE.key));
  return true;
};

test("every middleware authorizes by the snapshot without a request", async (t) => {
  const { gate, failures } = await offline();
  const hono = new Hono()
    .use(honoGuard(gate, demand))
    .get("/", (context) => context.text(context.get("counterfoil").token.owner));
  const worker = guard(gate, demand, (_request, { token }) => new Response(token.owner));
  const express = Express().use(expressGuard(gate, demand), (request, response) =>
    response.send(request.counterfoil.token.owner),
  );
  const server = express.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address();
  const hosts = [worker, (request) => hono.fetch(request), (request) => fetch(`http://127.0.0.1:${port}/`, request)];
  for (const host of hosts) {
    const answer = async (text) => {
      const response = await host(
        new Request("http://origin.example/", { headers: { authorization: `Bearer ${text}` } }),
      );
      const body = await response.text();
      return response.ok ? body : `${response.status} ${JSON.parse(body).code}`;
    };
    assert.equal(await answer(live), "ada");
    assert.equal(await answer(revoked), "401 REVOKED");
    assert.equal(await answer(bound), "503 UNAVAILABLE");
    assert.equal(await answer(unknown), "401 UNKNOWN");
    assert.equal(await answer("short"), "401 MALFORMED");
  }
  assert.deepEqual(failures, [], "no check needed a query");
});

test("a snapshot decision has number, owner and scopes, but no id, name or client headers", async () => {
  const { gate } = await offline(snapshot({ changed: { expires_at: NOW + HOUR } }));
  const decision = await gate.verify(live, demand);
  const token = {
    number: 1,
    workspace: "acme",
    owner: "ada",
    scopes: ["orders:read", "orders:write"],
    expiresAt: NOW + HOUR,
  };
  assert.deepEqual(decision, { valid: true, code: "VALID", freshness: "snapshot", asOf: NOW, token });
  const request = new Request("http://origin.example/", {
    headers: { "x-token-id": "forged", "x-token-client": "forged" },
  });
  assert.deepEqual(Object.fromEntries(originHeaders(request, decision)), {
    "x-token-owner": "ada",
    "x-token-scopes": "orders:read orders:write",
    "x-token-scopes-complete": "true",
    "x-token-workspace": "acme",
  });
  const compiled = gate.compile({});
  assert.deepEqual(gate.checkAll([live, revoked, unknown], compiled), [true, false, false]);
});

test("a snapshot is valid until it expires; only a later one replaces it", async () => {
  const { gate, clock } = await offline();
  const compiled = gate.compile(demand);
  const code = () => gate.code(live, compiled);
  clock.now = NOW + HOUR - 1;
  assert.equal(code(), "VALID");
  clock.now = NOW + HOUR;
  assert.equal(code(), "UNAVAILABLE");
  await assert.rejects(gate.load(snapshot(), { keys }), refusedWith("EXPIRED"));
  const later = { workspace: WORKSPACE.key, asOf: NOW + HOUR, expiresAt: NOW + 2 * HOUR };
  assert.deepEqual(await gate.load(snapshot({ asOf: NOW + HOUR }), { keys: { keys } }), later);
  assert.equal(code(), "VALID");
  await gate.load(snapshot({ asOf: NOW + HOUR + 1, changed: { revoked: true } }), { keys });
  assert.equal(code(), "REVOKED");
  await gate.load(snapshot({ asOf: NOW + HOUR }), { keys });
  assert.equal(code(), "REVOKED");
});

test("a rejected file leaves the current snapshot in use", async () => {
  const { gate } = await offline();
  const file = snapshot({ asOf: NOW + 1, changed: { revoked: true } });
  const other = snapshot({ workspace: { ...WORKSPACE, key: "0Zzzzz" } });
  const refused = [
    [file.subarray(0, 119), keys, "NOT_A_SNAPSHOT"],
    ["a string", keys, "NOT_A_SNAPSHOT"],
    [undefined, keys, "NOT_A_SNAPSHOT"],
    [Buffer.concat([Buffer.from([2]), file.subarray(1)]), keys, "UNKNOWN_FORMAT"],
    [other, keys, "OTHER_WORKSPACE"],
    [file, untrusted.keys, "UNTRUSTED"],
    [snapshot({ signed: untrusted.jwk }), keys, "UNTRUSTED"],
    [file, [], "UNTRUSTED"],
    [file, [null, {}, { ...keys[0], crv: "X25519" }, { ...keys[0], x: "short" }], "UNTRUSTED"],
    [file.subarray(0, -1), keys, "MALFORMED"],
    [snapshot({ asOf: NOW - HOUR }), keys, "EXPIRED"],
  ];
  for (const [bytes, by, code] of refused) await assert.rejects(gate.load(bytes, { keys: by }), refusedWith(code));
  await assert.rejects(Gate.offline(file, { keys: untrusted.keys }), refusedWith("UNTRUSTED"));
  await assert.rejects(Gate.offline(snapshot(), { keys, now: () => NOW + HOUR }), refusedWith("EXPIRED"));
  for (const none of [undefined, {}, "keys"]) await assert.rejects(gate.load(file, { keys: none }), TypeError);
  assert.ok(gate.check(live, gate.compile(demand)));
});

test("without Ed25519 in WebCrypto snapshots are rejected as UNSUPPORTED", async (t) => {
  const { gate } = await offline();
  t.mock.method(crypto.subtle, "importKey", async () => {
    throw new DOMException("not here", "NotSupportedError");
  });
  await assert.rejects(gate.load(snapshot(), { keys }), refusedWith("UNSUPPORTED"));
  // As in a page that is not from https.
  t.mock.getter(globalThis, "crypto", () => ({}));
  await assert.rejects(gate.load(snapshot(), { keys }), refusedWith("UNSUPPORTED"));
});

test("a snapshot too large for memory is rejected and the gate keeps working", async () => {
  const { gate } = await offline();
  const file = new Uint8Array(2 ** 31);
  file.set(snapshot({ asOf: NOW + 1 }));
  await assert.rejects(gate.load(file, { keys }), refusedWith("TOO_LARGE"));
  assert.ok(gate.check(live, gate.compile(demand)));
  await gate.load(snapshot({ asOf: NOW + 1 }), { keys });
});

test("the verified bytes are loaded even if the caller changes the buffer", async () => {
  const { gate } = await offline();
  const [later, evil] = [{ asOf: NOW + 1 }, { asOf: NOW + 2, changed: { scopes: ["*"] }, signed: untrusted.jwk }];
  const file = new Uint8Array(snapshot(later));
  const loading = gate.load(file, { keys });
  file.set(snapshot(evil).subarray(0, file.length));
  await assert.rejects(loading, refusedWith("MALFORMED"));
  const whole = new Uint8Array(snapshot(later));
  const loaded = gate.load(whole, { keys });
  whole.fill(0, 0, 120);
  assert.equal((await loaded).asOf, later.asOf);
});

test("an online gate uses a snapshot only if the requirement demands it", async () => {
  const asked = [];
  const controlPlane = {
    fetch: async (url) => (asked.push(new URL(url).pathname), new Response("{}", { status: 503 })),
  };
  const gate = new Gate({
    controlPlane,
    tokens: { [WORKSPACE.key]: "of the gate" },
    now: () => NOW,
    onFailure: () => {},
  });
  const by = { ...demand, freshness: "snapshot" };
  assert.equal((await gate.verify(live, by)).code, "UNAVAILABLE", "no snapshot is loaded");
  await gate.load(snapshot(), { keys });
  assert.equal((await gate.verify(live, by)).code, "VALID");
  assert.deepEqual(asked, []);
  for (const freshness of ["bounded", "strong", "eventual"]) {
    for (const orEventual of [false, true]) {
      const decision = await gate.verify(live, { ...demand, freshness, orEventual });
      assert.equal(decision.code, "UNAVAILABLE", `${freshness} ${orEventual}`);
    }
  }
  assert.ok(asked.length >= 1, "the control plane is queried, and not again during the back-off");
  const policy = new Policy({
    freshness: "snapshot",
    routes: [{ method: "GET", path: "/orders", all_of: ["orders:read"] }],
  });
  const handle = guard(gate, policy, () => new Response("in"));
  const request = new Request("http://origin.example/orders", { headers: { authorization: `Bearer ${live}` } });
  assert.equal(await (await handle(request)).text(), "in");
});

test("a scope with a higher freshness level is not decided by a snapshot", async () => {
  const { gate, failures } = await offline();
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal((await gate.verify(live, { allOf: ["orders:write"] })).code, "UNAVAILABLE");
  }
  assert.equal((await gate.verify(live, { ...demand, freshness: "bounded" })).code, "UNAVAILABLE");
  assert.equal(failures.length, 1, "reported once");
  assert.match(failures[0], /sends no requests/);
  assert.equal((await gate.verify(live, demand)).code, "VALID");
});
