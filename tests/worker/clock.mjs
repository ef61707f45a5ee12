// A wall clock that the test sets, for every workerd that this process starts from now on.

import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "counterfoil-clock-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const library = join(folder, "clock.so");
const source = fileURLToPath(new URL("clock.c", import.meta.url));
execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source]);

const file = openSync(join(folder, "offset"), "w+");
process.on("exit", () => closeSync(file));
Object.assign(process.env, { LD_PRELOAD: library, COUNTERFOIL_CLOCK: join(folder, "offset") });

/** Sets the offset of workerd's wall clock, in milliseconds. */
export function step(milliseconds) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(milliseconds));
  writeSync(file, bytes, 0, bytes.length, 0);
}

step(0);
