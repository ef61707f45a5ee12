// Choosing what a member is granted, or a client's tokens get: scopes, and wildcards over them.

import { BUILT_IN, inWords } from "../lib/scopes.js";
import { may, me } from "../lib/session.js";
import { covers } from "../verify/scopes.js";
import { scopesField } from "./scopes.js";

/**
 * The field.
 *
 * @param {object} about
 * @param {string} about.name as pointers of problems name it
 * @param {string} about.label
 * @param {string} about.hint
 * @param {Array<{name: string, description: string}>} about.catalogue
 * @param {string[]} [about.chosen]
 */
export function grantsField({ catalogue, chosen = [], ...about }) {
  const all = grantable(catalogue);
  const isChosen = ({ name }) => chosen.includes(name);
  // What there is stands where it is seen.
  const offered = [...all.filter(isChosen), ...all.filter((one) => !isChosen(one))];
  return scopesField({
    ...about,
    chosen,
    offered,
    missing: "Add it to the scope catalogue first.",
    kept: "It is granted already.",
  });
}

/** All that the signed-in person may grant; the service decides. */
function grantable(catalogue) {
  const own = may("tokens:grant") ? me.member.grants : me.session.scopes;
  const scopes = [...catalogue, ...BUILT_IN];
  const wildcards = ["*", ...families(scopes)].map((name) => ({ name, description: inWords(name) }));
  return [...wildcards, ...scopes].filter(({ name }) => covers(own, name));
}

/** Wildcards that match more than one scope: of `orders:read` and `orders:write` it is `orders:*`. */
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
