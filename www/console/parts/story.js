// An entry of the audit, told.

import { particulars, tell } from "../lib/audit.js";
import { h } from "../lib/dom.js";

/**
 * What an entry says, with the names that are known.
 *
 * @param {object} entry
 * @param {import("../lib/names.js").Names} names
 */
export function told(entry, names) {
  const more = particulars(entry);
  return h(
    "div",
    { class: "told" },
    h(
      "p",
      {},
      tell(entry).map((piece) => (typeof piece === "string" ? piece : named(piece, names))),
    ),
    more.length > 0 && h("small", {}, more.join(" · ")),
  );
}

function named(reference, names) {
  const { text, href, by } = names.of(reference);
  const shown = href ? h("a", { href }, text) : h("strong", {}, text);
  return by ? [shown, " (by token ", by.href ? h("a", { href: by.href }, by.text) : by.text, ")"] : shown;
}
