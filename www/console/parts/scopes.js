// Choosing scopes: only those that may be granted are offered, each with what it permits.

import { fill, h, uniqueId } from "../lib/dom.js";
import { BUILT_IN, inWords } from "../lib/scopes.js";
import { isAdmin, may, me } from "../lib/session.js";
import { covers, isWildcard } from "../verify/scopes.js";
import { groupField } from "./form.js";

/** From how many scopes on there is a field to find one. */
const MANY = 12;

/**
 * What the signed-in person may grant to a token of this owner, as far as can be known here; the service decides.
 *
 * @param {Member} owner
 * @param {Array<{name: string, description: string}>} catalogue what the person sees of it
 */
export function grantable(owner, catalogue) {
  const own = may("tokens:grant") ? me.member.grants : me.session.scopes;
  const both = ({ name }) => covers(own, name) && covers(owner.grants, name);
  // What a wildcard covers today may be more than a member is shown.
  const wildcards = isAdmin() ? owner.grants.filter(isWildcard) : [];
  return [
    ...catalogue.filter(both),
    ...BUILT_IN.filter(both),
    ...wildcards.map((name) => ({ name, description: inWords(name) })).filter(both),
  ];
}

/**
 * The field: `value` is what is chosen.
 *
 * @param {object} about
 * @param {Array<{name: string, description: string}>} about.offered
 * @param {string[]} [about.chosen] from the beginning; those that are not offered can be kept, or taken away
 * @param {string} [about.name] as pointers of problems name it
 * @param {string} [about.label]
 * @param {string} [about.hint]
 * @param {string} [about.missing] what to do where nothing fits
 * @param {string} [about.kept] what is said of one that is chosen and not offered
 */
export function scopesField({
  offered,
  chosen = [],
  name = "scopes",
  label = "Scopes",
  hint = "What the token may do: no more than its program needs.",
  missing = whomToAsk(),
  kept: already = "The token has it already.",
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
        ? h("p", { class: "quiet" }, "There is no scope that you may grant. ", missing)
        : [
            boxes.length > MANY && finder(boxes),
            h(
              "ul",
              { class: boxes.length > MANY ? "choices scroll" : "choices", tabindex: boxes.length > MANY ? "0" : null },
              boxes.map(({ row }) => row),
            ),
            h("p", { class: "hint" }, `Nothing that fits? ${missing}`),
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
  if (isAdmin()) return "Add it to the scope catalogue first, and grant it to the token's owner.";
  return `Ask an admin of ${me.workspace.name} to grant it to you.`;
}

function describe(name, otherwise) {
  const known = BUILT_IN.find((scope) => scope.name === name);
  if (known) return known.description;
  return isWildcard(name) ? inWords(name) : otherwise;
}

/** A field that hides what it does not find. */
function finder(boxes) {
  const id = uniqueId("find");
  const find = h("input", {
    type: "search",
    id,
    "aria-label": "Find a scope",
    placeholder: `Find one of ${boxes.length}…`,
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
