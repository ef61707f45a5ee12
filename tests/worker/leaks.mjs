// Searches for secrets where they must not be: on disk and in the log.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * The number of consecutive characters that identify a secret: half of a token's, 71 bits, which do not occur by
 * chance.
 */
const PIECE = 12;

/** The base64 digits that encode only the piece, at any alignment. */
const BASE64_PIECE = 14;

/** The secret part of a token value: the 24 characters between the workspace key and the authentication tag. */
export const secretOf = (text) => text.slice(-36, -12);

/** Every file below a folder, including journals and write-ahead logs. */
async function contents(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name));
  return Promise.all(files.map(async (name) => ({ name, text: await readFile(name, "latin1") })));
}

/** Where these secrets, or twelve characters of one, were found: names of files, and `the log`. */
export async function leaks(app, secrets) {
  const holds = finder(secrets);
  const places = [...(await contents(app.storage)), { name: "the log", text: app.log.join("\n") }];
  return places.filter(({ text }) => holds(text)).map(({ name }) => name);
}

/** Returns a function that detects a piece of any of these secrets in a text, in clear or in a usual encoding. */
export function finder(secrets) {
  const sought = new Map([PIECE, 2 * PIECE, BASE64_PIECE].map((length) => [length, new Set()]));
  const seek = (text, length) => {
    for (const piece of pieces(text, length)) sought.get(length).add(piece);
  };
  for (const secret of secrets) {
    const bytes = Buffer.from(secret);
    seek(secret, PIECE);
    seek(bytes.toString("hex"), 2 * PIECE);
    for (const encoding of ["base64", "base64url"]) {
      // For each alignment within three bytes. Digits at the edges also encode neighbouring bytes and are dropped.
      for (const [shift, edge] of [0, 2, 3].entries()) {
        const digits = Buffer.concat([Buffer.alloc(shift), bytes]).toString(encoding);
        seek(digits.slice(edge, Math.floor(((shift + bytes.length) * 4) / 3)), BASE64_PIECE);
      }
    }
  }
  const holds = (run) => [...sought].some(([length, all]) => pieces(run, length).some((piece) => all.has(piece)));
  // One pass over the text, regardless of the number of secrets.
  return (text) => (text.match(/[\w+/-]{12,}/g) ?? []).some(holds);
}

function pieces(text, length) {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length));
}
