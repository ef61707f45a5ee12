// Reads and writes every file in segments.json with an independent implementation; see read.mjs and write.mjs.
//
//     node --test tests/vectors/segments.test.mjs

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { readManifest, readOwners, readSegment, readVectors } from "./read.mjs";
import { writeManifest, writeOwners, writeSegment } from "./write.mjs";

const vectors = readVectors("segments.json");

/** The form in which a segment returns a record of the ledger. */
function resolved({ token, revoked_before: revokedBefore }, header) {
  const { generation, without_addresses: withoutAddresses } = header;
  return {
    ...token,
    version: generation,
    issued: generation,
    id: "",
    name: "",
    client_id: null,
    metadata: null,
    revoked: token.revoked || token.issued < revokedBefore,
    addresses: withoutAddresses && token.addresses.length > 0 ? ["::ffff:0.0.0.0/96"] : token.addresses,
  };
}

const cases = [...vectors.segments, ...vectors.owners, ...vectors.manifests];

test("a file is named by its hash", () => {
  for (const { why, header, manifest, bytes, name, path } of cases) {
    assert.equal(createHash("sha256").update(Buffer.from(bytes, "hex")).digest("hex"), name, why);
    assert.equal(path, `s/${header?.workspace ?? manifest.header.workspace.key}/${name}`);
  }
});

test("a segment contains its tokens", () => {
  for (const { why, header, tokens, unknown, bytes } of vectors.segments) {
    const read = readSegment(bytes);
    assert.deepEqual(read.header, header, why);
    assert.deepEqual(
      read.tokens,
      tokens.map(({ digest, found }) => ({ digest: digest.slice(0, 32), found })),
      why,
    );
    for (const token of tokens) assert.deepEqual(token.found, resolved(token, header), why);
    const digests = read.tokens.map((token) => token.digest);
    assert.deepEqual(digests, [...new Set(digests)].sort(), why);
    assert.ok(
      unknown.every((digest) => !digests.includes(digest.slice(0, 32))),
      why,
    );
    const begins = (digest) => {
      const bits = BigInt(`0x${digest.slice(0, 4)}`) >> (16n - header.prefix.bits);
      return bits === header.prefix.value;
    };
    assert.ok([...digests, ...unknown].every(begins), why);
  }
});

test("an owner segment contains its members", () => {
  for (const { why, header, owners, bytes } of vectors.owners) {
    assert.deepEqual(readOwners(bytes), { header, owners }, why);
  }
});

test("a manifest names its files", () => {
  for (const { why, manifest, bytes } of vectors.manifests) assert.deepEqual(readManifest(bytes), manifest, why);
});

test("the independent writer writes the same bytes", () => {
  const written = [
    ...vectors.segments.map(({ header, tokens }) => writeSegment(header, tokens)),
    ...vectors.owners.map(({ header, owners }) => writeOwners(header, owners)),
    ...vectors.manifests.map(({ manifest }) => writeManifest(manifest)),
  ];
  cases.forEach(({ why, bytes }, at) => assert.equal(written[at].toString("hex"), bytes, why));
});
