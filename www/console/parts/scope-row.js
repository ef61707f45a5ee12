// An editable row of the scope catalogue.

import { h, uniqueId } from "../lib/dom.js";
import { BUILT_IN } from "../lib/scopes.js";
import { LONGEST_SCOPE, isScope } from "../verify/scopes.js";

const ROLES = [
  ["member", "Everyone"],
  ["admin", "Admins"],
];
const FRESHNESS = [
  ["", "No minimum"],
  ["eventual", "eventual"],
  ["bounded", "bounded"],
  ["strong", "strong"],
];

/** The column headings. */
export const COLUMNS = [
  { title: "Scope" },
  { title: "Description", class: "permits" },
  { title: "Visible to" },
  { title: "Grantable by" },
  { title: "Minimum freshness" },
  { title: "Remove", hidden: true },
];

/**
 * A row: its `cells`, the edited `entry`, `error(text)`, which shows an error at the name, and `focus()`.
 *
 * @param {Scope} entry
 * @param {(row: object) => void} remove
 */
export function scopeRow(entry, remove) {
  const errorId = uniqueId("scope-error");
  const wrong = h("p", { class: "error", id: errorId, hidden: true });
  const called = () => name.value.trim() || "the new scope";
  const name = input(entry.name, {
    "aria-label": "Scope",
    "aria-describedby": errorId,
    maxlength: LONGEST_SCOPE,
    class: "mono",
    placeholder: "orders:read",
    autocapitalize: "none",
  });
  const description = input(entry.description, {
    "aria-label": "Description",
    maxlength: 500,
    placeholder: "See orders and their state",
  });
  const visible = select(entry.visible_to ?? "member", "Visible to", ROLES);
  const grantable = select(entry.grantable_by ?? "member", "Grantable by", ROLES);
  const freshness = select(entry.freshness ?? "", "Minimum freshness", FRESHNESS);
  const button = h("button", { type: "button", class: "button", onclick: () => remove(row) }, "Remove");
  const label = () => button.setAttribute("aria-label", `Remove ${called()}`);
  name.addEventListener("input", () => {
    label();
    error("");
  });
  label();

  function error(text) {
    wrong.textContent = text;
    wrong.hidden = !text;
    if (text) name.setAttribute("aria-invalid", "true");
    else name.removeAttribute("aria-invalid");
  }
  const row = {
    cells: [[name, wrong], description, visible, grantable, freshness, button],
    get entry() {
      return {
        name: name.value.trim(),
        description: description.value.trim(),
        visible_to: visible.value,
        grantable_by: grantable.value,
        freshness: freshness.value || null,
      };
    },
    error,
    focus: () => name.focus(),
  };
  return row;
}

/** Why this name is invalid among these names; null if it is valid. The same rules as in the API. */
export function refusalOf(name, names) {
  if (!name) return "Enter a name, or remove the row.";
  if (!isScope(name)) return "Use only letters, digits, - and _, in segments separated by : or a dot.";
  if (BUILT_IN.some((scope) => scope.name === name)) return "This scope is built in. Choose another name.";
  if (names.filter((other) => other === name).length > 1) return "Two scopes have this name.";
  return null;
}

function input(value, attributes) {
  const control = h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...attributes });
  control.value = value;
  return control;
}

function select(value, label, choices) {
  const control = h(
    "select",
    { "aria-label": label },
    choices.map(([value, text]) => h("option", { value }, text)),
  );
  control.value = value;
  return control;
}
