// Forms: fields with labels, hints and errors, and submission.

import { fill, h, uniqueId } from "../lib/dom.js";
import { failure } from "./states.js";

/**
 * Common to all fields: `name` is the field's name in the API, to which error pointers refer; `names` lists further ones.
 *
 * @typedef {{ name: string, label: string, hint?: string, names?: string[] }} About
 */

/** @typedef {{ element: HTMLElement, names: string[], error(text: string): void, focus(): void }} Field */

/**
 * A field: `element` to show, `value`, and `error(text)`, which shows an error at the field.
 *
 * @template T
 * @param {About & { control: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, read: () => T }} about `read` returns
 *   the value
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
 * A text input.
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
 * A text area.
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
 * A select box: `choices` are `[value, label]`.
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
 * A checkbox.
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
 * A group of checkboxes, radio buttons or other controls under one label.
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
 * A form. If `submit` throws a problem, it is shown at the field that its pointer names, or above all fields. The form
 * keeps its values.
 *
 * @param {object} about
 * @param {Array} about.fields fields, and other nodes between them
 * @param {Array} [about.nested] fields inside such nodes
 * @param {string} about.action label of the submit button
 * @param {() => Promise<void>} about.submit
 * @param {Node} [about.beside] shown beside the submit button
 * @param {'primary' | 'danger' | 'plain'} [about.kind] style of the submit button
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
    at.error(fieldError(problem));
    const folded = at.element.closest("details");
    if (folded) folded.open = true;
    at.focus();
  }
  return element;
}

/** The text to show at the field that a problem is about: the API's prefix is about the whole body. */
export function fieldError({ detail }) {
  return detail.replace(/^Invalid request body(?: at `[^`]*`)?: /, "Invalid value: ");
}

/** An error about a field, in the shape of the API's problems. */
export function refuse(name, detail) {
  return Object.assign(new Error(detail), { pointer: `/${name}`, detail });
}
