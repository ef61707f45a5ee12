// Reads every file in snapshots.json as docs/format.md describes it, verifies its signature, and writes it; see read.mjs and
// write.mjs.
//
//     node --test tests/vectors/snapshots.test.mjs

import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { test } from "node:test";
import { Reader, readManifest, readOwners, readSegment, readVectors } from "./read.mjs";
import { writeSnapshot } from "./write.mjs";

const vectors = readVectors("snapshots.json");

const raw = (hex) => Buffer.from(hex, "hex").toString("base64url");
const key = { kty: "OKP", crv: "Ed25519", x: raw(vectors.public_key) };
const publicKey = createPublicKey({ key, format: "jwk" });
const jwk = { ...key, d: raw(vectors.secret_key) };
const secretKey = createPrivateKey({ key: jwk, format: "jwk" });

/** The result of `read`. If it throws, the error names the stage. */
function stage(name, read) {
  try {
    return read();
  } catch (cause) {
    throw new Error(name, { cause });
  }
}

/** The content of a file, which must have this name and meet the condition. */
function opened(read, bytes, name, isExpected) {
  assert.equal(createHash("sha256").update(bytes).digest("hex"), name);
  const item = read(bytes);
  assert.ok(isExpected(item), "the file has the wrong header");
  return item;
}

function readSnapshot(hex) {
  const file = new Reader(hex);
  const head = stage("SIGNATURE", () => {
    const [signed, signature] = [file.take(56), file.take(64)];
    assert.ok(verify(null, signed, publicKey, signature), "the signature is invalid");
    return new Reader(signed);
  });
  stage("UNKNOWN_FORMAT", () => assert.equal(head.byte(), 1));
  const { workspace, asOf, expiresAt, name } = stage("HEAD", () => {
    assert.equal(head.byte(), "p".charCodeAt(0));
    const read = {
      workspace: head.take(6).toString(),
      asOf: head.fixed(8),
      expiresAt: head.fixed(8),
      name: head.name(),
    };
    assert.match(read.workspace, /^[0-9A-Za-z]{6}$/u);
    assert.ok(read.asOf < read.expiresAt);
    return read;
  });
  const manifest = stage("MANIFEST", () =>
    opened(readManifest, file.sized(), name, ({ header }) => header.workspace.key === workspace),
  );
  const { header } = manifest;
  const files = stage("FILES", () => {
    const files = [...manifest.segments, ...manifest.owners].map((named) => ({ ...named, bytes: file.sized() }));
    file.end();
    return files;
  });
  const isCurrent = (part) => part.workspace === workspace && part.generation <= header.generation;
  const segments = stage("SEGMENT", () => {
    const bits = BigInt(Math.log2(manifest.segments.length));
    const isExpected =
      (at, count) =>
      ({ header: part, tokens }) =>
        isCurrent(part) &&
        part.without_addresses === header.without_addresses &&
        part.without_weak === header.without_weak &&
        part.prefix.bits === bits &&
        part.prefix.value === BigInt(at) &&
        BigInt(tokens.length) === count;
    return files
      .slice(0, manifest.segments.length)
      .map(({ bytes, name, tokens }, at) => opened(readSegment, bytes, name, isExpected(at, tokens)));
  });
  const owners = stage("OWNERS", () => {
    const isExpected =
      (first, last) =>
      ({ header: part }) =>
        isCurrent(part) && part.first === first && part.last === last;
    return files
      .slice(manifest.segments.length)
      .map(({ bytes, name, first, last }) => opened(readOwners, bytes, name, isExpected(first, last)));
  });
  return { workspace, asOf, expiresAt, manifest, segments, owners };
}

test("a snapshot has the expected header and signature", () => {
  for (const { why, workspace, as_of: asOf, expires_at: expiresAt, manifest, bytes } of vectors.snapshots) {
    const read = readSnapshot(bytes);
    assert.deepEqual([read.workspace, read.asOf, read.expiresAt], [workspace, asOf, expiresAt], why);
    assert.deepEqual(read.manifest, manifest, why);
    const file = Buffer.from(bytes, "hex");
    assert.ok(sign(null, file.subarray(0, 56), secretKey).equals(file.subarray(56, 120)), why);
  }
});

test("a snapshot contains its tokens and no others", () => {
  for (const { why, tokens, bytes } of vectors.snapshots) {
    const { segments } = readSnapshot(bytes);
    const bits = Math.log2(segments.length);
    for (const { digest, found } of tokens) {
      const segment = segments[parseInt(digest.slice(0, 4), 16) >> (16 - bits)];
      const token = segment.tokens.find((token) => token.digest === digest.slice(0, 32));
      assert.deepEqual(token?.found ?? null, found, `${why}: ${digest}`);
    }
    const held = segments.flatMap((segment) => segment.tokens).length;
    assert.equal(tokens.filter(({ found }) => found !== null).length, held, why);
  }
});

test("a snapshot contains its members and states which numbers it covers", () => {
  for (const { why, owners: asked, bytes } of vectors.snapshots) {
    const { owners } = readSnapshot(bytes);
    for (const { number, covered, found } of asked) {
      const segment = owners.find(({ header }) => header.first <= number && number <= header.last);
      assert.equal(segment !== undefined, covered, `${why}: ${number}`);
      assert.deepEqual(segment?.owners.find((owner) => owner.number === number) ?? null, found, `${why}: ${number}`);
    }
  }
});

test("every other file is rejected", () => {
  assert.ok(vectors.refused.length > 30);
  for (const { why, bytes, error } of vectors.refused) {
    assert.throws(() => readSnapshot(bytes), { message: error }, why);
  }
});

test("the independent writer writes the same bytes", () => {
  for (const { why, as_of: asOf, expires_at: expiresAt, manifest, tokens, owners, bytes } of vectors.snapshots) {
    const { header, segments, owners: ranges } = manifest;
    const found = (list) => list.filter((item) => item.found !== null);
    const members = found(owners).map((owner) => owner.found);
    const bits = Math.log2(segments.length);
    const file = writeSnapshot({ header, bits, tokens: found(tokens), ranges, owners: members, asOf, expiresAt, jwk });
    assert.equal(file.toString("hex"), bytes, why);
  }
});
