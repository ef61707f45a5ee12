// Lists with columns, which narrow screens show as cards.

import { h } from "../lib/dom.js";

/**
 * A table. Each column has a `title`; `sort`, where it can be sorted by, names it; `class` sets its cells apart;
 * `hidden` says its title to screen readers only; `control` stands in the title's place.
 *
 * @param {object} about
 * @param {string} about.caption what it lists, for screen readers
 * @param {Array<{title: string, sort?: string, class?: string, hidden?: boolean, control?: Node}>} about.columns
 * @param {Array<{cells: Array<Node|string|Array>, class?: string}>} about.rows the first cell is the row's head unless `head` says which
 * @param {number} [about.head]
 * @param {string} [about.sorted] by which column, with `-` before it from the highest down
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
  // The roles are said, since what is laid out as cards is no table to some browsers.
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
 * Which part of a list is shown, and the ways to the others.
 *
 * @param {object} about
 * @param {number} about.from the number of the first item
 * @param {number} about.count how many are shown
 * @param {number} [about.total] how many there are, where that is known
 * @param {() => void} [about.back]
 * @param {() => void} [about.on]
 */
export function pager({ from, count, total, back, on }) {
  const say = (number) => number.toLocaleString("en");
  const button = (text, run) => h("button", { type: "button", class: "button", disabled: !run, onclick: run }, text);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("p", {}, `${say(from)}–${say(from + count - 1)}${total === undefined ? "" : ` of ${say(total)}`}`),
    (back || on) && [button("Previous", back), button("Next", on)],
  );
}
