// Reads segments, owner segments and manifests as docs/format.md describes them. Shares no code with the crate that wrote
// the vectors, so that an error there cannot become part of the contract unnoticed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const FRESHNESS = ["eventual", "bounded", "strong"];

/** Parses a file of vectors. Numbers may need 64 bits, so each is marked before parsing and becomes a BigInt. */
export function readVectors(name) {
  const text = readFileSync(new URL(name, import.meta.url), "utf8");
  const marked = text.replace(/: (\d+)(?=,?$)/gmu, ': "$1n"');
  return JSON.parse(marked, (_, value) => (/^\d+n$/u.test(value) ? BigInt(value.slice(0, -1)) : value));
}

/** Reads the bytes of a file in order. */
export class Reader {
  /** @param bytes the content, also as a hex string */
  constructor(bytes) {
    this.bytes = Buffer.from(bytes, "hex");
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
    assert.ok(byte > 0 || shift === 7n, "a number is not in its shortest encoding");
    return number;
  }
  fixed(width) {
    return [...this.take(width)].reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }
  flag() {
    return this.byte() === 1;
  }
  sized() {
    return this.take(Number(this.number()));
  }
  text() {
    return this.sized().toString();
  }
  name() {
    return this.take(32).toString("hex");
  }
  option(read) {
    return this.flag() ? read() : null;
  }
  list(read) {
    return Array.from({ length: Number(this.number()) }, read);
  }
  block() {
    if (this.byte() === 0) return `${this.take(4).join(".")}/${this.byte()}`;
    const groups = this.take(16)
      .toString("hex")
      .match(/.{4}/gu)
      .map((group) => parseInt(group, 16).toString(16));
    return `${groups.join(":").replace(/(:0)+$/u, "::")}/${this.byte()}`;
  }
  end() {
    assert.equal(this.at, this.bytes.length, "the file has trailing bytes");
  }
}

function open(bytes, kind) {
  const file = new Reader(bytes);
  assert.deepEqual([...file.take(2)], [1, kind.charCodeAt(0)]);
  return file;
}

const widthOf = (largest) => {
  let width = 0;
  while (BigInt(largest) >= 1n << BigInt(8 * width)) width += 1;
  return width;
};

export function readSegment(bytes) {
  const file = open(bytes, "s");
  const header = {
    workspace: file.take(6).toString(),
    generation: file.number(),
    without_addresses: file.flag(),
    without_weak: file.flag(),
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
    // The placeholder for excluded address blocks.
    addresses: header.without_addresses ? Array(file.byte()).fill("::ffff:0.0.0.0/96") : file.list(() => file.block()),
  }));

  let bucketBits = 0;
  while (4 << bucketBits < count) bucketBits += 1;
  const ends = Array.from({ length: 1 << bucketBits }, () => Number(file.fixed(widthOf(count))));
  const known = Number(header.prefix.bits) + bucketBits;
  const prefixBytes = known >> 3;
  const tokens = Array.from({ length: count }, (_, at) => {
    const bucket = ends.findIndex((end) => at < end);
    const begin = ((header.prefix.value << BigInt(bucketBits)) | BigInt(bucket)) << BigInt(128 - known);
    const digest =
      begin
        .toString(16)
        .padStart(32, "0")
        .slice(0, 2 * prefixBytes) + file.take(16 - prefixBytes).toString("hex");
    assert.equal(
      (BigInt(`0x${digest}`) >> BigInt(128 - known)) << BigInt(128 - known),
      begin,
      "a digest is in the wrong bucket",
    );
    const flags = file.byte();
    const numbers = {
      number: number.smallest + file.fixed(number.width),
      owner: owner.smallest + file.fixed(owner.width),
    };
    const set = sets[file.fixed(widthOf(Math.max(sets.length - 1, 0)))];
    const end = expires.smallest + file.fixed(expires.width);
    const rare = [{ not_before: null, replaced_until: null, addresses: [] }, ...details][
      file.fixed(widthOf(details.length))
    ];
    const found = {
      version: header.generation,
      id: "",
      ...numbers,
      name: "",
      client_id: null,
      metadata: null,
      scopes: set,
      issued: header.generation,
      revoked: (flags & 1) !== 0,
      enabled: (flags & 2) !== 0,
      expires_at: (flags & 4) === 0 ? null : end,
      ...rare,
      rate_class: null,
    };
    return { digest, found };
  });
  file.end();
  return { header, tokens };
}

export function readOwners(bytes) {
  const file = open(bytes, "n");
  const header = {
    workspace: file.take(6).toString(),
    generation: file.number(),
    first: file.number(),
    last: file.number(),
  };
  const owners = file.list(() => ({
    version: file.number(),
    number: file.number(),
    id: file.text(),
    suspended: file.flag(),
    grants: file.list(() => file.text()),
    revoked_before: file.number(),
  }));
  file.end();
  return { header, owners };
}

export function readManifest(bytes) {
  const file = open(bytes, "m");
  const header = {
    epoch: file.number(),
    generation: file.number(),
    without_addresses: file.flag(),
    without_weak: file.flag(),
    workspace: {
      version: file.number(),
      key: file.take(6).toString(),
      slug: file.text(),
      suspended: file.flag(),
      has_imports: file.flag(),
      freshness: file.list(() => [file.text(), FRESHNESS[file.byte()]]),
    },
  };
  const segments = file.list(() => ({ name: file.name(), tokens: file.number() }));
  const owners = file.list(() => ({ first: file.number(), last: file.number(), name: file.name() }));
  file.end();
  return { header, segments, owners };
}
