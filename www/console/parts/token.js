// What is shown of a token, wherever it is shown.

import { h } from "../lib/dom.js";
import { at } from "../lib/time.js";
import { usesPicture } from "./uses.js";

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
  return h(
    "ul",
    { class: "scopes" },
    scopes.slice(0, most).map((scope) => h("li", {}, h("code", {}, scope))),
    more > 0 && h("li", { class: "quiet", title: scopes.slice(most).join(", ") }, `and ${more} more`),
  );
}

/** All that is kept of a token; its text is not. */
export function facts(token, usage) {
  const narrowed = token.effective_scopes.join() !== token.scopes.join();
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  return h(
    "dl",
    { class: "facts" },
    fact("State", badge(token.state)),
    fact("Owner", token.owner.id),
    token.note && fact("Note", token.note),
    fact("Scopes", scopeList(token.scopes)),
    narrowed &&
      fact("Of these it may", scopeList(token.effective_scopes), h("small", {}, "Its owner is granted no more.")),
    fact("Ends", token.expires_at ? at(token.expires_at) : "never"),
    token.not_before && fact("Begins", at(token.not_before)),
    token.revoked_at && fact("Revoked", at(token.revoked_at)),
    fact(
      "Addresses",
      token.allowed_addresses.length > 0
        ? token.allowed_addresses.map((block) => h("div", {}, h("code", {}, block)))
        : "any",
    ),
    token.client_id && fact("Client", token.client_id),
    fact("Last used", token.last_used_at ? at(token.last_used_at) : "never, as far as is known"),
    fact("Uses in 30 days", usesPicture(usage.items.map(({ uses }) => uses))),
    fact("Created", at(token.created_at), h("small", {}, "by ", h("code", {}, token.created_by))),
    fact("Id", h("code", {}, token.id), h("small", {}, `number ${token.number}`)),
    fact("Hint", h("code", {}, token.hint)),
    fact("SHA-256", h("code", {}, token.digest)),
    token.metadata &&
      fact("Metadata", h("pre", { tabindex: "0" }, h("code", {}, JSON.stringify(token.metadata, null, 2)))),
  );
}
