// Derives every value in token.json from the description of the format, with Node's own cryptography. Shares no code with
// the crate that wrote the file, so that an error there cannot become part of the contract unnoticed.
//
//     node --test tests/vectors/confirm.test.mjs

import assert from "node:assert/strict";
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import zlib from "node:zlib";

const vectors = JSON.parse(readFileSync(new URL("token.json", import.meta.url), "utf8"));

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const OURS = /^(?<prefix>[a-z](?:[a-z0-9_]{0,10}[a-z0-9])?)_(?<workspace>[0-9A-Za-z]{6})[0-9A-Za-z]{36}$/;
const FOREIGN = /^[!-~]{16,512}$/;

const bytes = (hex) => Buffer.from(hex, "hex");
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const derive = (secret, info, length) =>
  Buffer.from(hkdfSync("sha256", bytes(secret), "", info, length)).toString("hex");
const sealKey = (secret, workspace) => derive(secret, `counterfoil/v1/seal-key/${workspace}`, 32);

/** The six lowest base62 digits of a BigInt. */
function sixDigits(value) {
  let digits = "";
  for (let place = 0; place < 6; place += 1) {
    digits = ALPHABET[Number(value % 62n)] + digits;
    value /= 62n;
  }
  return digits;
}

/** CRC-32/ISO-HDLC, bit by bit. */
function crc32(text) {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const check = (text) => sixDigits(BigInt(crc32(text)));
const seal = (text, key) => sixDigits(createHmac("sha256", bytes(key)).update(text).digest().readBigUInt64BE(0));
const isSealedBy = (text, key) => seal(text.slice(0, -12), key) === text.slice(-12, -6);
const hasChecksum = (text) => check(text.slice(0, -6)) === text.slice(-6);

/** The secret that is generated from random bytes, or undefined if they do not suffice. */
function draw(random) {
  const first = [...random.subarray(0, 24)];
  let next = 24;
  for (const place of Array(24).keys()) {
    for (let redraws = 0; !(first[place] < 248); redraws += 1) {
      if (redraws === 64 || next >= random.length) return undefined;
      first[place] = random[next++];
    }
  }
  assert.equal(next, random.length, "random bytes are left over");
  return first.map((byte) => ALPHABET[byte % 62]).join("");
}

/** Runs all cases of a list, which must not be empty. */
function each(name, confirm) {
  test(name, () => {
    assert.ok(vectors[name].length > 0);
    for (const vector of vectors[name]) {
      try {
        confirm(vector);
      } catch (error) {
        error.message = `${vector.why ?? ""}: ${error.message}`;
        throw error;
      }
    }
  });
}

test("the CRC equals zlib's", { skip: !zlib.crc32 && "this Node has no zlib.crc32" }, () => {
  assert.equal(crc32("123456789"), zlib.crc32("123456789"));
});

each("seal_secrets", ({ secret, epoch }) => {
  assert.equal(derive(secret, "counterfoil/v1/seal-epoch", 4), epoch);
});

each("valid", ({ text, prefix, workspace, random, seal_secret, seal_key, digest, hint }) => {
  assert.equal(sealKey(seal_secret, workspace), seal_key);
  const sealed = `${prefix}_${workspace}${draw(bytes(random))}`;
  const checked = sealed + seal(sealed, seal_key);
  assert.equal(checked + check(checked), text);
  assert.deepEqual({ ...OURS.exec(text).groups }, { prefix, workspace });
  assert.equal(sha256(text), digest);
  assert.equal(`${prefix}_…${text.slice(-4)}`, hint);
});

each("malformed", ({ text }) => {
  assert.ok(OURS.test(text) ? !hasChecksum(text) : !FOREIGN.test(text));
});

each("foreign", ({ text, digest, hint }) => {
  assert.ok(FOREIGN.test(text) && !OURS.test(text));
  assert.equal(sha256(text), digest);
  assert.equal(`…${text.slice(-4)}`, hint);
});

each("wrong_seal", ({ text, workspace, seal_secret, seal_key }) => {
  assert.equal(OURS.exec(text).groups.workspace, workspace);
  assert.ok(hasChecksum(text));
  assert.equal(sealKey(seal_secret, workspace), seal_key);
  assert.ok(!isSealedBy(text, seal_key));
});

each("retired_secrets", ({ text, secrets, opened_by }) => {
  const { workspace } = OURS.exec(text).groups;
  assert.ok(hasChecksum(text));
  const opener = secrets.findIndex((secret) => isSealedBy(text, sealKey(secret, workspace)));
  assert.equal(opener, opened_by ?? -1);
});

each("no_entropy", ({ random }) => {
  assert.equal(draw(bytes(random)), undefined);
});

test("names", () => {
  const { prefixes, workspace_keys: keys } = vectors;
  const body = "0".repeat(36);
  for (const [names, valid] of [
    [prefixes.valid, true],
    [prefixes.invalid, false],
  ]) {
    for (const name of names) assert.equal(OURS.test(`${name}_000000${body}`), valid, name);
  }
  for (const [names, valid] of [
    [keys.valid, true],
    [keys.invalid, false],
  ]) {
    for (const name of names) assert.equal(OURS.test(`cft_${name}${body}`), valid, name);
  }
});
