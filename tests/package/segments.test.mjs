// Segments: a gate with a registry knows what the ledger has published, without querying it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../worker/harness.mjs";
import { demand } from "./harness.mjs";
import { edition, segmentedGateOf } from "./segmented.mjs";

/** A lease of ten seconds is renewed after this time, in milliseconds. */
const HALF = 4400;

/** The token's number, owner and scopes suffice. */
const brief = { ...demand, brief: true };

test("a token that was never queried is found in a segment", async (t) => {
  const held = await segmentedGateOf(t);
  const { key, gate, issued, asked, read } = held;
  const first = await gate.verify(issued[0].token, brief);
  assert.deepEqual([first.valid, first.freshness, asked], [true, "strong", ["/v1/lease 1"]], "decided with the lease");
  assert.deepEqual(read, []);
  for (const { token, number } of issued.slice(1)) {
    const { valid, freshness, token: bearer } = await gate.verify(token, brief);
    assert.deepEqual([valid, freshness], [true, "bounded"]);
    assert.deepEqual(bearer, { number, workspace: "acme", owner: first.token.owner, scopes: ["orders:read"] });
  }
  assert.deepEqual(asked, ["/v1/lease 1"], "the control plane is not queried again");
  assert.equal(read.length, 3, "the manifest, a segment and an owner segment");
  assert.ok(read.every((name) => name.startsWith(`s/${key}/`)));

  // The full record is read once.
  for (let turn = 0; turn < 3; turn += 1) {
    const { token: bearer } = await gate.verify(issued[1].token, demand);
    assert.deepEqual([bearer.id, bearer.name], [issued[1].id, issued[1].name]);
  }
  assert.deepEqual(read.slice(3), [`r/${key}/${issued[1].digest}`]);
  assert.deepEqual(asked, ["/v1/lease 1"]);
});

test("tokens changed since the edition are queried", async (t) => {
  const held = await segmentedGateOf(t);
  const { admin, gate, issued, asked, questions, at } = held;
  await gate.verify(issued[0].token, brief);
  await gate.verify(issued[1].token, brief);
  await admin.revoke(issued[2].id);
  const fresh = await admin.issue({ scopes: ["orders:read"] });
  assert.ok((await gate.verify(fresh.token, brief)).valid, "a new token is valid immediately");
  at(HALF + 1);
  await gate.verify(issued[0].token, brief);
  await eventually(() => questions.length === 3);
  assert.equal(questions[0].segments.manifest, undefined);
  assert.match(questions[2].segments.manifest, /^[0-9a-f]{64}$/, "the gate states which edition it uses");
  await eventually(async () => (await gate.verify(issued[2].token, brief)).code === "REVOKED");
  const { length } = asked;
  assert.ok((await gate.verify(issued[3].token, brief)).valid);
  assert.equal(asked.length, length);
});

/** Wrong content of a file: missing, empty, one bit flipped, or that of another file. */
const SPOILED = {
  "is missing": () => null,
  "is empty": () => new ArrayBuffer(0),
  "has one bit flipped": (bytes) => {
    const other = new Uint8Array(bytes.slice(0));
    other[other.length >> 1] ^= 16;
    return other.buffer;
  },
  "has another file's content": async (_, key, app) =>
    app.stored((await app.keys("s/")).find((other) => other !== key)),
};

for (const [what, spoil] of Object.entries(SPOILED)) {
  test(`a file that ${what} is not used: the control plane is queried`, async (t) => {
    const held = await segmentedGateOf(t, { tokens: 6 });
    const { app, admin, gate, issued, asked } = held;
    held.spoil = (bytes, key) => spoil(bytes, key, app);
    await admin.revoke(issued[5].id);
    const codes = [];
    for (const { token } of issued) codes.push((await gate.verify(token, brief)).code);
    assert.deepEqual(codes, ["VALID", "VALID", "VALID", "VALID", "VALID", "REVOKED"]);
    assert.equal(asked.length, issued.length);
    assert.equal(held.read.length, 1, "the file is read only once");
  });
}

test("an outdated edition is not used for changed tokens", async (t) => {
  const held = await segmentedGateOf(t, { tokens: 6 });
  const { app, admin, gate, issued } = held;
  const old = new Map();
  for (const name of await app.keys("s/")) old.set(name, await app.stored(name));
  await admin.revoke(issued[1].id);
  await edition(held, ({ header }) => header.generation > held.manifest.header.generation);
  // Every read returns the earlier content.
  held.spoil = (bytes, key) => old.get(key) ?? [...old.values()][0];
  await gate.verify(issued[0].token, brief);
  assert.equal((await gate.verify(issued[1].token, brief)).code, "REVOKED");
});

test("the control plane is queried while the registry does not answer", async (t) => {
  const held = await segmentedGateOf(t, { tokens: 6 });
  held.spoil = () => {
    throw new Error("injected");
  };
  for (const { token } of held.issued) assert.ok((await held.gate.verify(token, brief)).valid);
  assert.equal(held.asked.length, 6);
});

test("no segments are requested if segments is false", async (t) => {
  const held = await segmentedGateOf(t, { tokens: 2, options: { segments: false } });
  for (const { token } of held.issued) assert.ok((await held.gate.verify(token, brief)).valid);
  assert.equal(held.asked.length, 2);
  assert.deepEqual(held.read, []);
  assert.ok(held.questions.every((question) => !("segments" in question)));
});
