// A word about what was just done. It is read aloud, and goes by itself.

import { h } from "../lib/dom.js";

const SHOWN = 6_000;

let region = null;

/** Says so. */
export function toast(text) {
  region ??= document.body.appendChild(h("div", { class: "toasts", role: "status" }));
  const one = h("p", { class: "toast" }, text);
  region.replaceChildren(one);
  setTimeout(() => one.remove(), SHOWN);
}
