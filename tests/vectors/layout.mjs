// Encodes records and responses: [format, kind], then postcard. Written by hand from the description of the layout, so that
// an error in the crate that wrote records.json cannot become part of the contract unnoticed.

import { isIPv4 } from "node:net";

const FRESHNESS = ["eventual", "bounded", "strong"];

export const number = (value) => {
  const bytes = [];
  for (let rest = BigInt(value); ; ) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
    if (rest === 0n) return bytes;
  }
};
export const flag = (value) => [value ? 1 : 0];
export const text = (value) => [...number(Buffer.byteLength(value)), ...Buffer.from(value)];
export const option = (write, value) => (value === null ? [0] : [1, ...write(value)]);
export const list = (write, values) => [...number(values.length), ...values.flatMap(write)];
const freshness = (value) => [FRESHNESS.indexOf(value)];

export function block(value) {
  const [address, length] = value.split("/");
  if (isIPv4(address)) return [0, ...address.split(".").map(Number), Number(length)];
  const [head, tail = ""] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const groups = [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return [1, ...groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]), Number(length)];
}

export const tokenRecord = (record) => [
  ...number(record.version),
  ...text(record.id),
  ...number(record.number),
  ...number(record.owner),
  ...text(record.name),
  ...option(text, record.client_id),
  ...option(text, record.metadata),
  ...list(text, record.scopes),
  ...number(record.issued),
  ...flag(record.revoked),
  ...flag(record.enabled),
  ...option(number, record.not_before),
  ...option(number, record.expires_at),
  ...option(number, record.replaced_until),
  ...list(block, record.addresses),
  ...option((byte) => [byte], record.rate_class),
];
export const ownerRecord = (record) => [
  ...number(record.version),
  ...number(record.number),
  ...text(record.id),
  ...flag(record.suspended),
  ...list(text, record.grants),
  ...number(record.revoked_before),
];
export const workspaceRecord = (record) => [
  ...number(record.version),
  ...Buffer.from(record.key),
  ...text(record.slug),
  ...flag(record.suspended),
  ...flag(record.has_imports),
  ...list(([scope, level]) => [...text(scope), ...freshness(level)], record.freshness),
];
export const answerRecord = (answer) => [
  ...Buffer.from(answer.key),
  ...number(answer.as_of),
  ...number(answer.generation),
  ...option(workspaceRecord, answer.workspace),
  ...list((key) => key, answer.seal_keys),
  ...list(([hex, record]) => [...Buffer.from(hex, "hex"), ...option(tokenRecord, record)], answer.tokens),
  ...list(ownerRecord, answer.owners),
];
export const grantRecord = (grant) => [
  ...number(grant.epoch),
  ...option(number, grant.since),
  ...number(grant.term),
  ...answerRecord(grant.answer),
  ...list((hex) => [...Buffer.from(hex, "hex")], grant.texts ?? []),
  ...list(number, grant.owners ?? []),
  // A client that does not request segments gets no flag either.
  ...(grant.edition ? [1, ...Buffer.from(grant.edition.manifest, "hex"), ...number(grant.edition.generation)] : []),
];
/** A record, a response or a lease, from its kind (`r`, `o`, `w`, `a` or `l`) and its fields. */
export const encode = (kind, fields) => Uint8Array.from([1, kind.charCodeAt(0), ...fields]);
