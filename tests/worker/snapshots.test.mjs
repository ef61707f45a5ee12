// Building, serving and signing snapshots. The response is verified only by the documented layout, without
// Counterfoil's code.

import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { workspace } from "./client.mjs";
import { eventually, start } from "./harness.mjs";

const PATIENCE = 30;

/** The lengths of header and signature (docs/format.md). */
const HEAD = 56;
const SIGNED = HEAD + 64;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Requests the snapshot until it is built, waiting as the responses say. */
async function snapshot(reader) {
  const end = Date.now() + PATIENCE * 1_000;
  for (;;) {
    const answer = await reader.send("GET", "/v1/snapshot");
    if (answer.status === 200) return answer;
    assert.deepEqual([answer.status, answer.body.code], [503, "SNAPSHOT_NOT_READY"]);
    assert.ok(Date.now() < end, "no snapshot was built in time");
    await sleep(1_000 * Number(answer.headers.get("retry-after")));
  }
}

/** The fields of a snapshot's header. */
function head(file) {
  return {
    begin: file.toString("latin1", 0, 8),
    asOf: Number(file.readBigUInt64LE(8)),
    expires: Number(file.readBigUInt64LE(16)),
    manifest: file.toString("hex", 24, HEAD),
  };
}

/** The files after the header: the manifest and the files that it references. */
function files(file) {
  const found = [];
  for (let at = SIGNED; at < file.length; ) {
    let length = 0;
    for (let bits = 0; ; bits += 7) {
      const byte = file[at++];
      length += (byte & 127) * 2 ** bits;
      if (byte < 128) break;
    }
    found.push(file.subarray(at, at + length));
    assert.equal(found.at(-1).length, length, "the snapshot ends within a file");
    at += length;
  }
  return found;
}

/** Whether this key of a JWK set signed the snapshot. */
function isSignedBy(file, jwk) {
  const key = createPublicKey({ key: jwk, format: "jwk" });
  return verify(null, file.subarray(0, HEAD), key, file.subarray(HEAD, SIGNED));
}

test("a snapshot is served once built, with the keys that verify its signature", async (t) => {
  const app = await start(t, { bindings: { SNAPSHOT_KEYS: JSON.stringify(["5a95".repeat(16), "01d0".repeat(16)]) } });
  const { key, admin } = await workspace(app, "acme");
  const reader = admin.as((await admin.issue({ scopes: ["snapshots:read"] })).token);
  assert.equal(
    (await admin.as((await admin.issue({ scopes: ["tokens:*"] })).token).send("GET", "/v1/snapshot")).status,
    403,
  );
  const live = await admin.issue({ scopes: ["orders:read"] });
  // Nothing changes any more and the alarms of earlier changes have run, so the request itself has to set the next one.
  await eventually(async () => (await app.keys(`s/${key}/`)).length === 3, PATIENCE);

  const answer = await snapshot(reader);
  const file = answer.body;
  assert.equal(answer.headers.get("content-type"), "application/vnd.counterfoil.snapshot");
  assert.equal(answer.headers.get("content-disposition"), 'attachment; filename="acme.snapshot"');
  assert.equal(answer.headers.get("cache-control"), "private, no-cache");
  const header = head(file);
  assert.deepEqual([header.begin, header.expires - header.asOf], [`\x01p${key}`, 86_400_000]);
  assert.ok(header.asOf <= Date.now() && header.asOf > Date.now() - 60_000);
  const [manifest, ...rest] = files(file);
  assert.deepEqual(
    [sha256(manifest), rest.map((one) => String.fromCharCode(one[1])).join("")],
    [header.manifest, "sn"],
  );
  for (const one of rest) assert.ok(manifest.includes(createHash("sha256").update(one).digest()));
  assert.ok(rest[0].includes(Buffer.from(live.digest, "hex").subarray(2, 16)));

  const { keys } = await reader.expect(200, "GET", "/v1/snapshot/keys");
  assert.deepEqual(
    keys.map((jwk) => isSignedBy(file, jwk)),
    [true, false],
  );
  for (const { kid, kty, crv, alg, use, x } of keys) {
    assert.deepEqual([kty, crv, alg, use], ["OKP", "Ed25519", "EdDSA", "sig"]);
    assert.equal(kid, createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url"));
  }

  // The same file again, also from another isolate; and no body if the client has it.
  const tag = answer.headers.get("etag");
  const reads = app.registry.count("get");
  const unchanged = await reader.send("GET", "/v1/snapshot", undefined, { "if-none-match": tag });
  assert.deepEqual([unchanged.status, unchanged.body.length, unchanged.headers.get("etag")], [304, 0, tag]);
  assert.equal(app.registry.count("get"), reads);
  await app.crash();
  assert.deepEqual((await reader.send("GET", "/v1/snapshot")).body, file);

  // A change is in the next snapshot, which is built without a request.
  const puts = app.registry.count("put", `s/${key}/`);
  await admin.revoke(live.id);
  await eventually(() => app.registry.count("put", `s/${key}/`) >= puts + 4, PATIENCE);
  const later = await snapshot(reader);
  assert.notEqual(later.headers.get("etag"), tag);
  assert.ok(head(later.body).asOf > header.asOf && isSignedBy(later.body, keys[0]));
});

test("a snapshot with a missing file is refused or truncated", async (t) => {
  const app = await start(t);
  const { key, admin } = await workspace(app, "acme");
  // Enough members for more owner segments than are read before sending begins.
  for (let number = 1; number <= 8; number++) {
    const member = { id: `m${number}`, number: number * 1_024, name: "M", role: "member", grants: [] };
    await admin.expect(201, "POST", "/v1/members", member);
  }
  const whole = await snapshot(admin);
  assert.equal(files(whole.body).length, 11);
  app.registry.fail("get", "refused");
  const refused = await admin.send("GET", "/v1/snapshot");
  assert.deepEqual(
    [refused.status, refused.body.code, refused.headers.get("retry-after")],
    [503, "SNAPSHOT_NOT_READY", "1"],
  );
  app.registry.heal();
  await eventually(() => admin.send("GET", "/v1/snapshot").then(({ status }) => status === 200));

  // The last file is missing.
  const names = files(whole.body).map((file) => `s/${key}/${sha256(file)}`);
  await app.lose(names.at(-1));
  const answer = await app.fetch("/v1/snapshot", { headers: admin.credential() });
  assert.equal(answer.status, 200);
  // The runtime decides whether the client notices the interruption; the file itself shows it.
  const begun = Buffer.from(await answer.arrayBuffer().catch(() => []));
  assert.ok(begun.length < whole.body.length && whole.body.subarray(0, begun.length).equals(begun));
  const line = await eventually(() => app.log.find((line) => line.includes("SNAPSHOT_CUT_OFF")));
  assert.ok(JSON.parse(line).detail.includes(names.at(-1)) && line.includes(answer.headers.get("x-request-id")));
  assert.equal((await admin.send("GET", "/v1/tokens/self")).status, 200, "everything else works");
});

test("without a snapshot secret snapshots are disabled and all else works", async (t) => {
  const app = await start(t, { bindings: { SNAPSHOT_KEYS: "" } });
  const { admin } = await workspace(app, "acme");
  for (const path of ["/v1/snapshot", "/v1/snapshot/keys"]) {
    const { status, body } = await admin.send("GET", path);
    assert.deepEqual([status, body.code], [503, "SNAPSHOTS_OFF"]);
  }
  const { token } = await admin.issue({ scopes: ["orders:read"] });
  assert.equal(await admin.code(token), "VALID");
});
