// CSV for spreadsheets (RFC 4180).

/** Matches a cell that a spreadsheet would read as a formula, also after spaces or a byte order mark. */
const FORMULA = /^[\s\uFEFF]*[=+\-@]/;

/**
 * These rows as CSV. Texts in the audit log may come from an attacker, so a cell that a spreadsheet would evaluate as a
 * formula starts with `'`, which makes it text.
 *
 * @param {Array<Array<string | number | null | undefined>>} rows
 */
export function csv(rows) {
  // Some spreadsheets recognize UTF-8 only by a byte order mark.
  return `\uFEFF${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

function cell(value) {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
