// What people type one a line, or with commas between.

/** The items, without blanks and empty ones. */
export function readLines(text) {
  return text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter(Boolean);
}
