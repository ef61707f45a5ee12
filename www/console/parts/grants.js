// The field for a member's granted scopes or a client's default scopes: scopes and wildcards.

import { BUILT_IN, wildcardDescription } from "../lib/scopes.js";
import { may, me } from "../lib/session.js";
import { covers } from "../verify/scopes.js";
import { scopesField } from "./scopes.js";

/**
 * The field.
 *
 * @param {object} about
 * @param {string} about.name the name in the API, to which error pointers refer
 * @param {string} about.label
 * @param {string} about.hint
 * @param {Array<{name: string, description: string}>} about.catalogue
 * @param {string[]} [about.chosen]
 */
export function grantsField({ catalogue, chosen = [], ...about }) {
  const all = grantable(catalogue);
  const isChosen = ({ name }) => chosen.includes(name);
  // Selected scopes come first, so that they are visible without scrolling.
  const offered = [...all.filter(isChosen), ...all.filter((one) => !isChosen(one))];
  return scopesField({
    ...about,
    chosen,
    offered,
    missing: "Add the scope to the catalogue first.",
    kept: "Already granted.",
  });
}

/** All scopes that the signed-in member may grant. Only a preselection: the API enforces it. */
function grantable(catalogue) {
  const own = may("tokens:grant") ? me.member.grants : me.session.scopes;
  const scopes = [...catalogue, ...BUILT_IN];
  const wildcards = ["*", ...families(scopes)].map((name) => ({ name, description: wildcardDescription(name) }));
  return [...wildcards, ...scopes].filter(({ name }) => covers(own, name));
}

/** Wildcards that match more than one scope, such as `orders:*` for `orders:read` and `orders:write`. */
function families(scopes) {
  const counts = new Map();
  for (const { name } of scopes) {
    for (const { index, 0: mark } of name.matchAll(/[:.]/g)) {
      const wildcard = `${name.slice(0, index)}${mark}*`;
      counts.set(wildcard, (counts.get(wildcard) ?? 0) + 1);
    }
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([wildcard]) => wildcard)
    .sort();
}
