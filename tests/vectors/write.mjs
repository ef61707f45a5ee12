// Writes segments, owner segments, manifests and snapshots as docs/format.md describes them, from the values that read.mjs
// returns. Shares no code with the crate that wrote the vectors, and must produce the same bytes.

import { createHash, createPrivateKey, sign } from "node:crypto";
import { block, flag, list, number, option, ownerRecord, text, workspaceRecord } from "./layout.mjs";

const begin = (kind) => [1, kind.charCodeAt(0)];
const key = (workspace) => [...Buffer.from(workspace)];
const hash = (hex) => [...Buffer.from(hex, "hex")];
const nameOf = (file) => createHash("sha256").update(file).digest("hex");

const widthOf = (largest) => Math.ceil(BigInt(largest).toString(2).replace(/^0$/u, "").length / 8);
const fixed = (value, width) =>
  Array.from({ length: width }, (_, at) => Number((BigInt(value) >> BigInt(8 * at)) & 255n));

const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
/** Compares lists of numbers lexicographically. */
function compareLists(one, other) {
  const at = one.findIndex((item, place) => item !== other[place]);
  return at < 0 ? one.length - other.length : compare(one[at], other[at] ?? -1);
}
/** Sorted, without duplicates. */
const ordered = (lists) => [...new Map(lists.map((items) => [items.join(), items])).values()].sort(compareLists);
const placeIn = (lists, items) => lists.findIndex((known) => known.join() === items.join());

/** The smallest number of a column, and the width in bytes of the differences from it. */
function column(values) {
  const known = values.map(BigInt).sort(compare);
  const smallest = known[0] ?? 0n;
  const width = widthOf((known.at(-1) ?? 0n) - smallest);
  return { head: [...number(smallest), width], write: (value) => fixed(BigInt(value) - smallest, width), smallest };
}

/** @param tokens in any order: `{ digest, found }` */
export function writeSegment(header, tokens) {
  const { workspace, generation, without_addresses: withoutAddresses, without_weak: withoutWeak, prefix } = header;
  const sorted = tokens
    .map(({ digest, found }) => ({ digest: digest.slice(0, 32), found }))
    .sort((one, other) => compare(one.digest, other.digest));
  const columns = {
    number: column(sorted.map(({ found }) => found.number)),
    owner: column(sorted.map(({ found }) => found.owner)),
    expiry: column(sorted.flatMap(({ found }) => found.expires_at ?? [])),
  };
  const patterns = [...new Set(sorted.flatMap(({ found }) => found.scopes))].sort();
  const setOf = ({ scopes }) => scopes.map((scope) => patterns.indexOf(scope)).sort(compare);
  const sets = ordered(sorted.map(({ found }) => setOf(found)));
  const detailsOf = ({ not_before: notBefore, replaced_until: replacedUntil, addresses }) => [
    ...option(number, notBefore),
    ...option(number, replacedUntil),
    ...(withoutAddresses ? flag(addresses.length > 0) : list(block, addresses)),
  ];
  const isRare = (found) => detailsOf(found).some((byte) => byte !== 0);
  const details = ordered(
    sorted
      .map(({ found }) => found)
      .filter(isRare)
      .map(detailsOf),
  );

  let bucketBits = 0;
  while (4 << bucketBits < sorted.length) bucketBits += 1;
  const known = Number(prefix.bits) + bucketBits;
  const bucketOf = (digest) =>
    Number((BigInt(`0x${digest}`) >> BigInt(128 - known)) & ((1n << BigInt(bucketBits)) - 1n));
  const ends = Array.from(
    { length: 1 << bucketBits },
    (_, bucket) => sorted.filter(({ digest }) => bucketOf(digest) <= bucket).length,
  );
  const entry = ({ digest, found }) => [
    ...hash(digest.slice(2 * (known >> 3))),
    (found.revoked ? 1 : 0) + (found.enabled ? 2 : 0) + (found.expires_at === null ? 0 : 4),
    ...columns.number.write(found.number),
    ...columns.owner.write(found.owner),
    ...fixed(placeIn(sets, setOf(found)), widthOf(Math.max(sets.length - 1, 0))),
    ...columns.expiry.write(found.expires_at ?? columns.expiry.smallest),
    ...fixed(isRare(found) ? placeIn(details, detailsOf(found)) + 1 : 0, widthOf(details.length)),
  ];
  return Buffer.from([
    ...begin("s"),
    ...key(workspace),
    ...number(generation),
    ...flag(withoutAddresses),
    ...flag(withoutWeak),
    Number(prefix.bits),
    ...number(prefix.value),
    ...number(sorted.length),
    ...columns.number.head,
    ...columns.owner.head,
    ...columns.expiry.head,
    ...list(text, patterns),
    ...list((set) => list(number, set), sets),
    ...list((bytes) => bytes, details),
    ...ends.flatMap((end) => fixed(end, widthOf(sorted.length))),
    ...sorted.flatMap(entry),
  ]);
}

export function writeOwners({ workspace, generation, first, last }, owners) {
  return Buffer.from([
    ...begin("n"),
    ...key(workspace),
    ...number(generation),
    ...number(first),
    ...number(last),
    ...list(ownerRecord, owners),
  ]);
}

export function writeManifest({ header, segments, owners }) {
  return Buffer.from([
    ...begin("m"),
    ...number(header.epoch),
    ...number(header.generation),
    ...flag(header.without_addresses),
    ...flag(header.without_weak),
    ...workspaceRecord(header.workspace),
    ...list(({ name, tokens }) => [...hash(name), ...number(tokens)], segments),
    ...list(({ first, last, name }) => [...number(first), ...number(last), ...hash(name)], owners),
  ]);
}

/**
 * Writes a snapshot.
 *
 * @param about.header the manifest's header
 * @param about.bits the length of each segment's prefix
 * @param about.tokens as for `writeSegment`
 * @param about.ranges the range of each owner segment: `{ first, last }`
 * @param about.owners the owners' records, sorted by number
 * @param about.jwk the signing key
 */
export function writeSnapshot({ header, bits = 0, tokens, ranges, owners, asOf, expiresAt, jwk }) {
  const about = { ...header, workspace: header.workspace.key };
  const prefixOf = (digest) => parseInt(digest.slice(0, 4), 16) >> (16 - bits);
  const segments = Array.from({ length: 1 << bits }, (_, value) => {
    const inIt = tokens.filter(({ digest }) => prefixOf(digest) === value);
    return { file: writeSegment({ ...about, prefix: { bits, value } }, inIt), tokens: inIt.length };
  });
  const members = ranges.map(({ first, last }) => {
    const inIt = owners.filter((owner) => first <= owner.number && owner.number <= last);
    return { file: writeOwners({ ...about, first, last }, inIt), first, last };
  });
  const named = ({ file, ...rest }) => ({ ...rest, name: nameOf(file) });
  const manifest = writeManifest({ header, segments: segments.map(named), owners: members.map(named) });
  const head = Buffer.from([
    ...begin("p"),
    ...key(about.workspace),
    ...fixed(asOf, 8),
    ...fixed(expiresAt, 8),
    ...hash(nameOf(manifest)),
  ]);
  const signature = sign(null, head, createPrivateKey({ key: jwk, format: "jwk" }));
  const files = [manifest, ...[...segments, ...members].map(({ file }) => file)];
  return Buffer.concat([head, signature, ...files.flatMap((file) => [Buffer.from(number(file.length)), file])]);
}
