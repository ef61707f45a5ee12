// Measures work in steps instead of time: each executed block of the package's code, each character or item that a built-in
// method processes, and each step of a regular expression.

import { Session } from "node:inspector/promises";
import { search } from "./backtracking.mjs";

/** Methods that process everything they are called on. */
const WHOLE = [
  [
    String.prototype,
    ["indexOf", "lastIndexOf", "includes", "split", "slice", "trim", "toLowerCase", "toUpperCase", "replaceAll"],
  ],
  [
    Array.prototype,
    ["join", "includes", "indexOf", "find", "findIndex", "some", "every", "map", "filter", "forEach", "slice"],
  ],
  [globalThis, ["decodeURIComponent"]],
];

const isOurs = ({ url }) => url.includes("/build/verify/");

/**
 * The number of steps of `work`.
 *
 * @param {() => unknown} work
 */
export async function steps(work) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const natives = { count: 0 };
  const restore = counting(natives);
  try {
    work();
  } finally {
    restore();
  }
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const ranges = result
    .filter(isOurs)
    .flatMap(({ functions }) => functions)
    .flatMap(({ ranges }) => ranges);
  return natives.count + ranges.reduce((sum, { count }) => sum + count, 0);
}

/** Makes built-in methods count until the returned function is called. */
function counting(natives) {
  const before = [];
  const replace = (owner, name, make) => {
    const original = owner[name];
    before.push(() => Object.defineProperty(owner, name, { value: original, writable: true, configurable: true }));
    Object.defineProperty(owner, name, { value: make(original), writable: true, configurable: true });
  };
  const { apply } = Reflect;
  for (const [owner, names] of WHOLE) {
    for (const name of names) {
      replace(
        owner,
        name,
        (original) =>
          function (...given) {
            natives.count += 1 + (owner === globalThis ? given[0].length : this.length);
            return apply(original, this, given);
          },
      );
    }
  }
  const expressions = [];
  for (const name of ["test", "exec"]) {
    replace(
      RegExp.prototype,
      name,
      (original) =>
        function (text) {
          expressions.push([this, String(text)]);
          return apply(original, this, [text]);
        },
    );
  }
  return () => {
    before.forEach((undo) => undo());
    // Only now: the matcher uses these methods as well.
    for (const [expression, text] of expressions) natives.count += search(expression, text).steps;
  };
}
