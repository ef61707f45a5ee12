// A short message about what was just done. Screen readers announce it; it disappears by itself.

import { h } from "../lib/dom.js";

const SHOWN = 6_000;

let region = null;

/** Shows a message. */
export function toast(text) {
  region ??= document.body.appendChild(h("div", { class: "toasts", role: "status" }));
  const one = h("p", { class: "toast" }, text);
  region.replaceChildren(one);
  setTimeout(() => one.remove(), SHOWN);
}
