// Looks for tokens where none may be: on disk and in the log.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Every file below a folder, journals and write-ahead logs among them. */
export async function contents(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.path, entry.name));
  return Promise.all(files.map(async (name) => ({ name, bytes: await readFile(name) })));
}

/** What only the bearer knows of a token: the 24 characters between the workspace's key and the seal. */
export const secretOf = (text) => text.slice(-36, -12);

/** A text as it may lie about: as it is, and in the usual encodings. */
export function forms(text) {
  const bytes = Buffer.from(text);
  return [text, bytes.toString("hex"), bytes.toString("base64").slice(0, 30), bytes.toString("base64url").slice(0, 30)];
}

/**
 * Where the secret part of any of these tokens lies, of however many: names of files, and `the log`.
 *
 * It passes once over each place and looks every piece of the right length up among all that must not be there.
 */
export async function leaks(app, texts) {
  const sought = new Set(texts.flatMap((text) => forms(secretOf(text))));
  const lengths = new Set([...sought].map((form) => form.length));
  const holds = (text) =>
    (text.match(/[\w+/-]{24,}/g) ?? []).some((run) =>
      [...lengths].some((length) => {
        for (let at = 0; at + length <= run.length; at++) if (sought.has(run.slice(at, at + length))) return true;
        return false;
      }),
    );
  const places = await contents(app.storage);
  const found = places.filter(({ bytes }) => holds(bytes.toString("latin1"))).map(({ name }) => name);
  return holds(app.log.join("\n")) ? [...found, "the log"] : found;
}
