// Lists in a text area: one item per line, or separated by commas.

/** The trimmed items, without empty ones. */
export function readLines(text) {
  return text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter(Boolean);
}
