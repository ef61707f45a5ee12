// Tables as text for spreadsheets (RFC 4180).

/** How a cell begins that a spreadsheet would take for a formula, or that hides such a beginning. */
const FORMULA = /^[\s\uFEFF]*[=+\-@]/;

/**
 * These rows as CSV. Whoever can have something written into the audit must not have a spreadsheet compute it: a cell that
 * would be a formula begins with `'`, which makes it text.
 *
 * @param {Array<Array<string | number | null | undefined>>} rows
 */
export function csv(rows) {
  // Without the mark at the beginning some spreadsheets do not take it for UTF-8.
  return `\uFEFF${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

function cell(value) {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
