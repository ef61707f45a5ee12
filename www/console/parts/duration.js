// A field for a duration: a number and its unit.

import { h } from "../lib/dom.js";
import { LENGTHS } from "../lib/time.js";
import { field, refuse } from "./form.js";

/**
 * The field: `value` in seconds, null if it is empty.
 *
 * @param {import("./form.js").About & { value: number | null }} about
 */
export function durationField({ value, ...about }) {
  const [word, size] = value === null ? LENGTHS[0] : LENGTHS.find(([, size]) => value % size === 0);
  const number = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", maxlength: 10 });
  number.value = value === null ? "" : String(value / size);
  const unit = h(
    "select",
    { "aria-label": `${about.label}: unit` },
    LENGTHS.map(([word]) => h("option", { value: word }, `${word}s`)),
  );
  unit.value = word;
  const read = () => {
    const text = number.value.trim();
    if (!text) return null;
    if (!/^\d+$/.test(text)) throw refuse(about.name, "Enter a whole number.");
    return Number(text) * new Map(LENGTHS).get(unit.value);
  };
  const made = field({ ...about, control: number, read });
  const both = h("div", { class: "duration" });
  number.replaceWith(both);
  both.append(number, unit);
  return made;
}
