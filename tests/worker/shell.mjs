// Runs the shell blocks of a docs page in order and compares their output with the documented responses.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Separates the outputs of two blocks. */
const NEXT = "\u0000";

/** The shell blocks of a page, each with the response that is shown below it. */
export function steps(page) {
  const found = page.matchAll(/^```sh\n(.*?)^```\n(?:```json\n(.*?)^```\n)?/gms);
  return [...found].map(([, script, answer]) => ({ script, answer }));
}

/** Runs all blocks in one shell, because blocks use variables of earlier ones, and compares their output. */
export async function follow(steps, options) {
  const script = steps.map(({ script }) => `${script}\nprintf '\\0'\n`).join("");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], options);
  const outputs = stdout.split(NEXT);
  for (const [step, { script, answer }] of steps.entries()) {
    assert.match(outputs[step].trim(), pattern(answer ?? ""), `after:\n${script}`);
  }
}

/** A pattern for a documented response: line breaks may differ, and `…` matches anything. */
function pattern(shown) {
  const pieces = shown.trim().split(/\n */).join("").split("…");
  const literal = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${literal.join("[^]*?")}$`);
}
