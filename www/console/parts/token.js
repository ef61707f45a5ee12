// What is shown of a token, wherever it is shown.

import { h } from "../lib/dom.js";

/** What a token is just now. */
export function badge(state) {
  return h("span", { class: "badge", "data-state": state }, state);
}

/** What people call a token. */
export function nameOf(token) {
  return token.name || token.hint;
}

/** Where a token's page is. */
export function pageOf(token) {
  return `#/tokens/${encodeURIComponent(token.id)}`;
}

/** Scopes, the first few of them. */
export function scopeList(scopes, most = Infinity) {
  if (scopes.length === 0) return h("span", { class: "quiet" }, "none");
  const more = scopes.length - most;
  return h("ul", { class: "scopes" },
    scopes.slice(0, most).map((scope) => h("li", {}, h("code", {}, scope))),
    more > 0 && h("li", { class: "quiet", title: scopes.slice(most).join(", ") }, `and ${more} more`));
}
