// The field for scopes: offers only scopes that may be granted, each with its description.

import { fill, h, uniqueId } from "../lib/dom.js";
import { BUILT_IN, wildcardDescription } from "../lib/scopes.js";
import { isAdmin, may, me } from "../lib/session.js";
import { covers, isWildcard } from "../verify/scopes.js";
import { groupField } from "./form.js";

/** With more scopes than this, the list scrolls and has a search field. */
const MANY = 12;

/**
 * The scopes that the signed-in member may give to a token of this owner, as far as the page knows. The API enforces it.
 *
 * @param {Member} owner
 * @param {Array<{name: string, description: string}>} catalogue the scopes that the signed-in member can see
 */
export function grantable(owner, catalogue) {
  const own = may("tokens:grant") ? me.member.grants : me.session.scopes;
  const both = ({ name }) => covers(own, name) && covers(owner.grants, name);
  // A wildcard may cover scopes that a member cannot see, so only admins are offered wildcards.
  const wildcards = isAdmin() ? owner.grants.filter(isWildcard) : [];
  return [
    ...catalogue.filter(both),
    ...BUILT_IN.filter(both),
    ...wildcards.map((name) => ({ name, description: wildcardDescription(name) })).filter(both),
  ];
}

/**
 * The field: `value` has the selected scopes.
 *
 * @param {object} about
 * @param {Array<{name: string, description: string}>} about.offered
 * @param {string[]} [about.chosen] selected at first; those that are not offered can be kept or deselected
 * @param {string} [about.name] the name in the API, to which error pointers refer
 * @param {string} [about.label]
 * @param {string} [about.hint]
 * @param {string} [about.missing] what to do if a scope is not listed
 * @param {string} [about.kept] description of a scope that is selected but not offered
 */
export function scopesField({
  offered,
  chosen = [],
  name = "scopes",
  label = "Scopes",
  hint = "What the token may do. Select only what its program needs.",
  missing = whomToAsk(),
  kept: already = "The token already has this scope.",
}) {
  const list = h("div", {});
  let boxes = [];
  const read = () => boxes.filter(({ box }) => box.checked).map(({ name }) => name);

  function offer(offered, chosen) {
    const [known, wanted] = [new Set(offered.map(({ name }) => name)), new Set(chosen)];
    const others = chosen.filter((name) => !known.has(name));
    const kept = others.map((name) => ({ name, description: describe(name, already) }));
    boxes = [...kept, ...offered].map(({ name, description }) => {
      const box = h("input", { type: "checkbox", value: name });
      box.checked = wanted.has(name);
      const row = h(
        "li",
        {},
        h("label", {}, box, h("code", {}, name), description && h("span", { class: "quiet" }, description)),
      );
      return { name, description, box, row };
    });
    fill(
      list,
      boxes.length === 0
        ? h("p", { class: "quiet" }, "You cannot grant any scope. ", missing)
        : [
            boxes.length > MANY && finder(boxes),
            h(
              "ul",
              { class: boxes.length > MANY ? "choices scroll" : "choices", tabindex: boxes.length > MANY ? "0" : null },
              boxes.map(({ row }) => row),
            ),
            h("p", { class: "hint" }, `Scope not listed? ${missing}`),
          ],
    );
  }
  offer(offered, chosen);
  const made = groupField({ name, label, hint, body: list, read });
  return {
    ...made,
    get value() {
      return read();
    },
    offer: (offered) =>
      offer(
        offered,
        read().filter((name) => offered.some((one) => one.name === name)),
      ),
  };
}

function whomToAsk() {
  if (isAdmin()) return "Add the scope to the catalogue, then grant it to the token's owner.";
  return `Ask an admin of ${me.workspace.name} to grant you the scope.`;
}

function describe(name, otherwise) {
  const known = BUILT_IN.find((scope) => scope.name === name);
  if (known) return known.description;
  return isWildcard(name) ? wildcardDescription(name) : otherwise;
}

/** A search field that hides scopes that do not match. Selected ones stay visible. */
function finder(boxes) {
  const id = uniqueId("find");
  const find = h("input", {
    type: "search",
    id,
    "aria-label": "Search scopes",
    placeholder: `Search ${boxes.length} scopes…`,
  });
  find.addEventListener("input", (event) => {
    event.stopPropagation();
    const wanted = find.value.trim().toLowerCase();
    for (const { name, description, row, box } of boxes) {
      row.hidden = !box.checked && !`${name} ${description}`.toLowerCase().includes(wanted);
    }
  });
  return find;
}
