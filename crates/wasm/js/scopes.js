// The grammar of scopes, and which covers which. The module has the same rules; tests/vectors/scopes.json holds both to them.

/** The longest scope, in characters. */
export const LONGEST_SCOPE = 100;

/** Segments joined by `:` or `.`. */
const SCOPE = /^[A-Za-z0-9_-]+([:.][A-Za-z0-9_-]+)*$/;

/** Whether a text names one scope, as a demand and a catalogue do: without a wildcard. */
export function isScope(text) {
  return text.length <= LONGEST_SCOPE && SCOPE.test(text);
}

/** Whether a granted pattern stands for all scopes below a common beginning. */
export function isWildcard(pattern) {
  return pattern.endsWith("*");
}

/** Whether one of these granted patterns covers a scope, or all that another pattern covers. */
export function covers(patterns, wanted) {
  return patterns.some(
    (pattern) => pattern === wanted || (isWildcard(pattern) && wanted.startsWith(pattern.slice(0, -1))),
  );
}
