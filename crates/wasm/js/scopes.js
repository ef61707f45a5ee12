// The grammar of scopes, and when one covers another. tests/vectors/scopes.json ensures that the wasm module has the same
// rules.

/** The longest scope, in characters. */
export const LONGEST_SCOPE = 100;

/** Segments joined by `:` or `.`. */
const SCOPE = /^[A-Za-z0-9_-]+([:.][A-Za-z0-9_-]+)*$/;

/** Whether a text is one scope without a wildcard, as in a requirement or a scope catalogue. */
export function isScope(text) {
  return text.length <= LONGEST_SCOPE && SCOPE.test(text);
}

/** Whether a granted pattern is a wildcard for all scopes with a common prefix. */
export function isWildcard(pattern) {
  return pattern.endsWith("*");
}

/** Whether one of these granted patterns covers a scope, or everything that another pattern covers. */
export function covers(patterns, wanted) {
  return patterns.some(
    (pattern) => pattern === wanted || (isWildcard(pattern) && wanted.startsWith(pattern.slice(0, -1))),
  );
}
