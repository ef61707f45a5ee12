// Lists that people type one a line.

/** What stands on the lines, without blanks and empty ones. */
export function readLines(text) {
  return text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
}
