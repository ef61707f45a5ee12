// A list that the API returns page by page.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { failure, loading } from "./states.js";
import { pager, totalOf } from "./table.js";

const LIMIT = 50;

/**
 * The list: `element` to show, and `fetch()`, which reloads the current page of it.
 *
 * @param {object} about
 * @param {string} about.path the path in the API
 * @param {string} about.what the plural noun for its items
 * @param {(items: object[]) => Node} about.lay renders the items of a page
 * @param {() => Node} about.none renders the empty state
 * @param {AbortSignal} about.signal
 */
export function listing({ path, what, lay, none, signal }) {
  const element = h("div", { class: "results" });
  /** The cursor of each page up to the current one; the first page has none. */
  const cursors = [undefined];

  async function fetch() {
    element.setAttribute("aria-busy", "true");
    if (!element.hasChildNodes()) fill(element, loading(what));
    try {
      fill(element, pageOf(await get(path, { limit: LIMIT, cursor: cursors.at(-1) }, { signal })));
    } catch (problem) {
      if (!signal.aborted) fill(element, failure(problem, fetch));
    } finally {
      element.removeAttribute("aria-busy");
    }
  }

  function pageOf(page) {
    const { items, next_cursor } = page;
    if (items.length === 0 && cursors.length === 1) return none();
    const from = (cursors.length - 1) * LIMIT + 1;
    const turn = (change) => () => {
      if (element.hasAttribute("aria-busy")) return;
      change();
      fetch();
    };
    return [
      lay(items),
      pager({
        from,
        count: items.length,
        total: totalOf(page),
        back: from > 1 && turn(() => cursors.pop()),
        on: next_cursor && turn(() => cursors.push(next_cursor)),
      }),
    ];
  }
  return { element, fetch };
}
