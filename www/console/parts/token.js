// Parts that several pages show of a token.

import { h } from "../lib/dom.js";
import { at } from "../lib/time.js";
import { usesChart } from "./uses.js";

/** A badge with the state of a token or a member. */
export function badge(state) {
  return h("span", { class: "badge", "data-state": state }, state);
}

/** A token's name; its masked value if it has none. */
export function nameOf(token) {
  return token.name || token.hint;
}

/** The link to a token's page. */
export function pageOf(token) {
  return `#/tokens/${encodeURIComponent(token.id)}`;
}

/** A list of scopes, of which the first `most` are shown. */
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

/** A token's details. */
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
      fact(
        "Effective scopes",
        scopeList(token.effective_scopes),
        h("small", {}, "Limited by the scopes granted to its owner."),
      ),
    fact("Expires", token.expires_at ? at(token.expires_at) : "never"),
    token.not_before && fact("Not valid before", at(token.not_before)),
    token.revoked_at && fact("Revoked", at(token.revoked_at)),
    fact(
      "Allowed IP addresses",
      token.allowed_addresses.length > 0
        ? token.allowed_addresses.map((block) => h("div", {}, h("code", {}, block)))
        : "any",
    ),
    token.client_id && fact("Client", token.client_id),
    fact("Last used", token.last_used_at ? at(token.last_used_at) : "no recorded use"),
    fact("Uses in 30 days", usesChart(usage.items.map(({ uses }) => uses))),
    fact("Created", at(token.created_at), h("small", {}, "by ", h("code", {}, token.created_by))),
    fact("ID", h("code", {}, token.id), h("small", {}, `number ${token.number}`)),
    fact("Masked token", h("code", {}, token.hint)),
    fact("SHA-256", h("code", {}, token.digest)),
    token.metadata &&
      fact("Metadata", h("pre", { tabindex: "0" }, h("code", {}, JSON.stringify(token.metadata, null, 2)))),
  );
}
