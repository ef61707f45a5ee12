// Reads every file in segments.json once more, by docs/format.md alone, and shares no code with the crate that wrote
// them. So an error there cannot become the contract unseen.
//
//     node --test tests/vectors/segments.test.mjs

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ownerRecord, workspaceRecord } from "./layout.mjs";

// Numbers may need all of 64 bits: each is marked before the text is parsed.
const marked = readFileSync(new URL("segments.json", import.meta.url), "utf8").replace(/: (\d+)(?=,?$)/gmu, ': "$1n"');
const vectors = JSON.parse(marked, (_, value) => (/^\d+n$/u.test(value) ? BigInt(value.slice(0, -1)) : value));

/** What the bytes of a file say, one after the other. */
class Reader {
  constructor(hex) {
    this.bytes = Buffer.from(hex, "hex");
    this.at = 0;
  }
  take(count) {
    assert.ok(this.at + count <= this.bytes.length, "the file ends too soon");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  byte() {
    return this.take(1)[0];
  }
  number() {
    let [number, shift, byte] = [0n, 0n, 0];
    do {
      byte = this.byte();
      number |= BigInt(byte & 127) << shift;
      shift += 7n;
    } while (byte > 127);
    return number;
  }
  fixed(width) {
    return [...this.take(width)].reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }
  flag() {
    return this.byte() === 1;
  }
  text() {
    return this.take(Number(this.number())).toString();
  }
  option(read) {
    return this.flag() ? read() : null;
  }
  list(read) {
    return Array.from({ length: Number(this.number()) }, read);
  }
  block() {
    if (this.byte() === 0) return `${this.take(4).join(".")}/${this.byte()}`;
    const groups = this.take(16).toString("hex").match(/.{4}/gu).map((group) => parseInt(group, 16).toString(16));
    return `${groups.join(":").replace(/(:0)+$/u, "::")}/${this.byte()}`;
  }
  end() {
    assert.equal(this.at, this.bytes.length, "something follows");
  }
}

const widthOf = (largest) => {
  let width = 0;
  while (BigInt(largest) >= 1n << BigInt(8 * width)) width += 1;
  return width;
};

function readSegment(hex) {
  const file = new Reader(hex);
  assert.deepEqual([...file.take(2)], [1, "s".charCodeAt(0)]);
  const header = {
    workspace: file.take(6).toString(), generation: file.number(),
    without_addresses: file.flag(), without_weak: file.flag(),
    prefix: { bits: BigInt(file.byte()), value: file.number() },
  };
  const count = Number(file.number());
  const column = () => ({ smallest: file.number(), width: file.byte() });
  const [number, owner, expires] = [column(), column(), column()];
  const patterns = file.list(() => file.text());
  const sets = file.list(() => file.list(() => patterns[file.number()]));
  const details = file.list(() => ({
    not_before: file.option(() => file.number()),
    replaced_until: file.option(() => file.number()),
    // What stands for blocks that are not told.
    addresses: header.without_addresses ? Array(file.byte()).fill("::ffff:0.0.0.0/96") : file.list(() => file.block()),
  }));

  let bucketBits = 0;
  while (4 << bucketBits < count) bucketBits += 1;
  const ends = Array.from({ length: 1 << bucketBits }, () => Number(file.fixed(widthOf(count))));
  const known = Number(header.prefix.bits) + bucketBits;
  const told = known >> 3;
  const tokens = Array.from({ length: count }, (_, at) => {
    const bucket = ends.findIndex((end) => at < end);
    const begin = ((header.prefix.value << BigInt(bucketBits)) | BigInt(bucket)) << BigInt(128 - known);
    const digest = begin.toString(16).padStart(32, "0").slice(0, 2 * told) + file.take(16 - told).toString("hex");
    assert.equal(BigInt(`0x${digest}`) >> BigInt(128 - known) << BigInt(128 - known), begin, "a digest in its bucket");
    const flags = file.byte();
    const numbers = { number: number.smallest + file.fixed(number.width), owner: owner.smallest + file.fixed(owner.width) };
    const set = sets[file.fixed(widthOf(Math.max(sets.length - 1, 0)))];
    const end = expires.smallest + file.fixed(expires.width);
    const rare = [{ not_before: null, replaced_until: null, addresses: [] }, ...details][file.fixed(widthOf(details.length))];
    const found = {
      version: header.generation, id: "", ...numbers, name: "", client_id: null, metadata: null, scopes: set,
      issued: header.generation, revoked: (flags & 1) !== 0, enabled: (flags & 2) !== 0,
      expires_at: (flags & 4) === 0 ? null : end, ...rare, rate_class: null,
    };
    return { digest, found };
  });
  file.end();
  return { header, tokens };
}

/** What a record of the ledger's becomes in a segment. */
function resolved({ token, revoked_before: revokedBefore }, header) {
  const { generation, without_addresses: withoutAddresses } = header;
  return {
    ...token, version: generation, issued: generation, id: "", name: "", client_id: null, metadata: null,
    revoked: token.revoked || token.issued < revokedBefore,
    addresses: withoutAddresses && token.addresses.length > 0 ? ["::ffff:0.0.0.0/96"] : token.addresses,
  };
}

const cases = [...vectors.segments, ...vectors.owners, ...vectors.manifests];

test("a file goes by its hash", () => {
  for (const { why, header, manifest, bytes, name, path } of cases) {
    assert.equal(createHash("sha256").update(Buffer.from(bytes, "hex")).digest("hex"), name, why);
    assert.equal(path, `s/${header?.workspace ?? manifest.header.workspace.key}/${name}`);
  }
});

test("a segment holds its tokens", () => {
  for (const { why, header, tokens, unknown, bytes } of vectors.segments) {
    const read = readSegment(bytes);
    assert.deepEqual(read.header, header, why);
    assert.deepEqual(read.tokens, tokens.map(({ digest, found }) => ({ digest: digest.slice(0, 32), found })), why);
    for (const token of tokens) assert.deepEqual(token.found, resolved(token, header), why);
    const digests = read.tokens.map((token) => token.digest);
    assert.deepEqual(digests, [...new Set(digests)].sort(), why);
    assert.ok(unknown.every((digest) => !digests.includes(digest.slice(0, 32))), why);
    const begins = (digest) => {
      const bits = BigInt(`0x${digest.slice(0, 4)}`) >> (16n - header.prefix.bits);
      return bits === header.prefix.value;
    };
    assert.ok([...digests, ...unknown].every(begins), why);
  }
});

test("an owner segment holds its members", () => {
  for (const { why, header, owners, bytes } of vectors.owners) {
    const file = new Reader(bytes);
    assert.deepEqual([...file.take(2)], [1, "n".charCodeAt(0)]);
    const read = {
      workspace: file.take(6).toString(), generation: file.number(), first: file.number(), last: file.number(),
    };
    assert.deepEqual(read, header, why);
    assert.equal(file.number(), BigInt(owners.length));
    for (const owner of owners) {
      const record = Buffer.from(ownerRecord(owner));
      assert.ok(file.take(record.length).equals(record), why);
    }
    file.end();
  }
});

test("a manifest names its files", () => {
  for (const { why, manifest, bytes } of vectors.manifests) {
    const { header, segments, owners } = manifest;
    const file = new Reader(bytes);
    assert.deepEqual([...file.take(2)], [1, "m".charCodeAt(0)]);
    assert.deepEqual([file.number(), file.number()], [header.epoch, header.generation], why);
    assert.deepEqual([file.flag(), file.flag()], [header.without_addresses, header.without_weak], why);
    const workspace = Buffer.from(workspaceRecord(header.workspace));
    assert.ok(file.take(workspace.length).equals(workspace), why);
    const name = () => file.take(32).toString("hex");
    assert.deepEqual(file.list(() => ({ name: name(), tokens: file.number() })), segments, why);
    assert.deepEqual(file.list(() => ({ first: file.number(), last: file.number(), name: name() })), owners, why);
    file.end();
  }
});
