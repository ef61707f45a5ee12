// Tables, shown as cards on narrow screens, and pagination.

import { h } from "../lib/dom.js";

/**
 * A table. Each column has a `title`. `sort` is its name for sorting, `class` is set on its cells, `hidden` shows the title
 * to screen readers only, and `control` replaces the title.
 *
 * @param {object} about
 * @param {string} about.caption for screen readers
 * @param {Array<{title: string, sort?: string, class?: string, hidden?: boolean, control?: Node}>} about.columns
 * @param {Array<{cells: Array<Node|string|Array>, class?: string}>} about.rows
 * @param {number} [about.head] the index of the row header's column
 * @param {string} [about.sorted] the column it is sorted by; a leading `-` means descending
 * @param {(sort: string) => void} [about.onsort]
 */
export function table({ caption, columns, rows, head = 0, sorted, onsort }) {
  const title = (column) => {
    if (column.control) return column.control;
    if (column.hidden) return h("span", { class: "visually-hidden" }, column.title);
    if (!column.sort || !onsort) return column.title;
    const next = sorted === `-${column.sort}` ? column.sort : `-${column.sort}`;
    return h("button", { type: "button", class: "sort", onclick: () => onsort(next) }, column.title);
  };
  /** @param {{ sort?: string }} column */
  const direction = ({ sort }) =>
    sort && sorted === sort ? "ascending" : sort && sorted === `-${sort}` ? "descending" : null;
  const cell = (content, index) => {
    const column = columns[index];
    const attributes = { class: column.class, "data-title": column.hidden || column.control ? null : column.title };
    if (index === head) return h("th", { scope: "row", role: "rowheader", ...attributes }, content);
    return h("td", { role: "cell", ...attributes }, content);
  };
  // Explicit roles: some browsers drop the table semantics if CSS lays the table out as cards.
  return h(
    "table",
    { role: "table", class: "table" },
    h("caption", { class: "visually-hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((column) =>
          h(
            "th",
            { scope: "col", role: "columnheader", class: column.class, "aria-sort": direction(column) },
            title(column),
          ),
        ),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => h("tr", { role: "row", class: row.class }, row.cells.map(cell))),
    ),
  );
}

/**
 * How many items a list of the API has, as text. Long lists are not counted to their end.
 *
 * @param {{ total: number, total_is_exact?: boolean }} page
 */
export function totalOf({ total, total_is_exact }) {
  return total.toLocaleString("en") + (total_is_exact === false ? "+" : "");
}

/**
 * Which items of a list are shown, with buttons for the previous and the next page.
 *
 * @param {object} about
 * @param {number} about.from the number of the first item
 * @param {number} about.count how many are shown
 * @param {string} [about.total] how many there are, if known: see `totalOf`
 * @param {() => void} [about.back]
 * @param {() => void} [about.on]
 */
export function pager({ from, count, total, back, on }) {
  const say = (number) => number.toLocaleString("en");
  const button = (text, run) => h("button", { type: "button", class: "button", disabled: !run, onclick: run }, text);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pagination" },
    h("p", {}, `${say(from)}–${say(from + count - 1)}${total === undefined ? "" : ` of ${total}`}`),
    (back || on) && [button("Previous", back), button("Next", on)],
  );
}
