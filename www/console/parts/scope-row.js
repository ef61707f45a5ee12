// One scope of the catalogue, as it is edited.

import { h, uniqueId } from "../lib/dom.js";
import { BUILT_IN } from "../lib/scopes.js";
import { LONGEST_SCOPE, isScope } from "../verify/scopes.js";

const ROLES = [
  ["member", "everybody"],
  ["admin", "admins"],
];
const FRESHNESS = [
  ["", "as asked"],
  ["eventual", "eventual"],
  ["bounded", "bounded"],
  ["strong", "strong"],
];

/** What the columns of such rows are called. */
export const COLUMNS = [
  { title: "Scope" },
  { title: "What it permits", class: "permits" },
  { title: "Seen by" },
  { title: "Granted by" },
  { title: "Freshness" },
  { title: "Remove", hidden: true },
];

/**
 * A row: its `cells`, the `entry` that they say, `error(text)` about its name, and `focus()`.
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
    "aria-label": "What it permits",
    maxlength: 500,
    placeholder: "See orders and their state",
  });
  const visible = select(entry.visible_to ?? "member", "Seen by", ROLES);
  const grantable = select(entry.grantable_by ?? "member", "Granted by", ROLES);
  const freshness = select(entry.freshness ?? "", "Freshness", FRESHNESS);
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

/** Why the service would refuse a scope by this name among these; null where it would not. */
export function refusalOf(name, names) {
  if (!name) return "Give it a name, or remove the row.";
  if (!isScope(name)) return "A scope is made of letters, digits, - and _, in segments joined by : or a dot.";
  if (BUILT_IN.some((scope) => scope.name === name)) return "This one is built in: it is there already.";
  if (names.filter((other) => other === name).length > 1) return "This one is named twice.";
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
