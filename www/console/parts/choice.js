// A select box that acts as soon as its value changes.

import { h } from "../lib/dom.js";

/**
 * @param {string} label for screen readers
 * @param {string} value
 * @param {string[][]} choices values and their labels
 * @param {(value: string) => void} ask
 */
export function choice(label, value, choices, ask) {
  const control = h(
    "select",
    { "aria-label": label, onchange: () => ask(control.value) },
    choices.map(([value, text]) => h("option", { value }, text)),
  );
  control.value = value;
  return control;
}
