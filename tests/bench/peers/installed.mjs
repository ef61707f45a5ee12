// The versions of the packages that are compared, as installed.

import { readFile } from "node:fs/promises";

/** A package's name and version. */
export async function named(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${JSON.parse(await readFile(file)).version}`;
}
