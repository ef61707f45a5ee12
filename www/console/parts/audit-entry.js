// Renders an audit log entry.

import { details, sentence } from "../lib/audit.js";
import { h } from "../lib/dom.js";

/**
 * The sentence and details of an entry, with names in place of ids.
 *
 * @param {object} entry
 * @param {import("../lib/names.js").Names} names
 */
export function entryElement(entry, names) {
  const more = details(entry);
  return h(
    "div",
    { class: "entry" },
    h(
      "p",
      {},
      sentence(entry).map((piece) => (typeof piece === "string" ? piece : named(piece, names))),
    ),
    more.length > 0 && h("small", {}, more.join(" · ")),
  );
}

function named(reference, names) {
  const { text, href, by } = names.of(reference);
  const shown = href ? h("a", { href }, text) : h("strong", {}, text);
  return by ? [shown, " (by token ", by.href ? h("a", { href: by.href }, by.text) : by.text, ")"] : shown;
}
