// Forms: fields with their labels, hints and errors, and the sending of what they hold.

import { fill, h, uniqueId } from "../lib/dom.js";
import { failure } from "./states.js";

/**
 * What all fields are told: `name` as pointers of problems name it, and `names` for others that they have.
 *
 * @typedef {{ name: string, label: string, hint?: string, names?: string[] }} About
 */

/** @typedef {{ element: HTMLElement, names: string[], error(text: string): void, focus(): void }} Field */

/**
 * A field: `element` to show, `name` as the API calls it, `value`, and `error(text)`, which says what is wrong with it.
 *
 * @template T
 * @param {About & { control: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, read: () => T }} about `read` says what the
 *   field holds
 */
export function field({ name, label, hint, control, read, names = [] }) {
  const id = control.id || uniqueId(name);
  control.id = id;
  const [hintId, errorId] = [`${id}-hint`, `${id}-error`];
  const wrong = h("p", { class: "error", id: errorId, hidden: true });
  control.setAttribute("aria-describedby", [hint && hintId, errorId].filter(Boolean).join(" "));
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    hint && h("p", { class: "hint", id: hintId }, hint),
    control,
    wrong,
  );
  control.addEventListener("input", () => error(""));
  function error(text) {
    wrong.textContent = text;
    wrong.hidden = !text;
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  return {
    element,
    control,
    names: [name, ...names],
    error,
    get value() {
      return read();
    },
    focus: () => control.focus(),
  };
}

/**
 * A line of text.
 *
 * @param {About & { value?: string, type?: string }} about
 * @param {Record<string, unknown>} [attributes]
 */
export function textField({ value = "", type = "text", ...about }, attributes = {}) {
  const control = h("input", { type, autocomplete: "off", spellcheck: "false", ...attributes });
  control.value = value ?? "";
  return field({ ...about, control, read: () => control.value });
}

/**
 * Several lines of text.
 *
 * @param {About & { value?: string }} about
 * @param {Record<string, unknown>} [attributes]
 */
export function areaField({ value = "", ...about }, attributes = {}) {
  const control = h("textarea", { rows: 3, spellcheck: "false", ...attributes });
  control.value = value ?? "";
  return field({ ...about, control, read: () => control.value });
}

/**
 * One of several: `choices` are `[value, label]`.
 *
 * @param {About & { value?: string, choices: string[][] }} about
 * @param {Record<string, unknown>} [attributes]
 */
export function selectField({ value, choices, ...about }, attributes = {}) {
  const control = h(
    "select",
    attributes,
    choices.map(([value, label]) => h("option", { value }, label)),
  );
  if (value !== undefined) control.value = value;
  return field({ ...about, control, read: () => control.value });
}

/**
 * Yes or no.
 *
 * @param {About & { value?: boolean }} about
 * @param {Record<string, unknown>} [attributes]
 */
export function checkField({ value = false, label, name, hint }, attributes = {}) {
  const control = h("input", { type: "checkbox", ...attributes });
  control.checked = value;
  const made = field({ name, label, hint, control, read: () => control.checked });
  made.element.classList.add("check");
  return made;
}

/**
 * Several at once, or one of several: what `role=group` holds, under one label.
 *
 * @template T
 * @param {About & { body: Node | Node[], read: () => T }} about
 */
export function groupField({ name, label, hint, body, read, names = [] }) {
  const errorId = uniqueId("error");
  const wrong = h("p", { class: "error", id: errorId, hidden: true });
  const element = h(
    "fieldset",
    { class: "field group", "aria-describedby": errorId },
    h("legend", {}, label),
    hint && h("p", { class: "hint" }, hint),
    body,
    wrong,
  );
  const error = (text) => {
    wrong.textContent = text;
    wrong.hidden = !text;
  };
  element.addEventListener("input", () => error(""));
  const focus = () => element.querySelector("input:not(:disabled), select, textarea")?.focus();
  return {
    element,
    names: [name, ...names],
    error,
    get value() {
      return read();
    },
    focus,
  };
}

/**
 * A form. `submit` sends what the fields hold; a problem that it throws is shown at the field that its pointer names,
 * else above all of them, and the form stays as it is.
 *
 * @param {object} about
 * @param {Array} about.fields fields, and any nodes between them
 * @param {Array} [about.nested] fields that stand within such nodes
 * @param {string} about.action what the button says
 * @param {() => Promise<void>} about.submit
 * @param {Node} [about.beside] what stands beside the button
 * @param {'primary' | 'danger' | 'plain'} [about.kind] what pressing it means
 */
export function form({ fields, nested = [], action, submit, beside, kind = "primary" }) {
  const known = [...fields, ...nested].filter((one) => one?.names);
  const wrong = h("div", { role: "alert" });
  const button = h("button", { type: "submit", class: `button ${kind}` }, action);
  const element = h(
    "form",
    { class: "form", novalidate: true, onsubmit: send },
    wrong,
    fields.map((one) => one?.element ?? one),
    h("div", { class: "actions" }, button, beside),
  );

  async function send(event) {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    fill(wrong);
    for (const one of known) one.error("");
    button.setAttribute("aria-disabled", "true");
    try {
      await submit();
    } catch (problem) {
      place(problem);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  function place(problem) {
    const [, name] = problem.pointer?.split("/") ?? [];
    const at = known.find(({ names }) => names.includes(name));
    if (!at) return fill(wrong, failure(problem));
    // Of a field that does not read, the reason is what matters there.
    at.error(problem.detail.replace(/^The body does not fit: /, "It does not fit: "));
    const folded = at.element.closest("details");
    if (folded) folded.open = true;
    at.focus();
  }
  return element;
}

/** What a form says itself of a field, as the service would. */
export function refuse(name, detail) {
  return Object.assign(new Error(detail), { pointer: `/${name}`, detail });
}
