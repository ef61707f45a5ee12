// Choosing when a token ends.

import { h, uniqueId } from "../lib/dom.js";
import { asDate, DAY, duration, endOfDay, exact } from "../lib/time.js";
import { groupField, refuse } from "./form.js";

const DAYS = [7, 30, 90];

/** The name of `DAYS` in the field, of a date, and of no end. */
const [DATE, NEVER] = ["date", "never"];

/**
 * The field: `value` is the part of a request that says when the token ends.
 *
 * @param {object} about
 * @param {number|null} about.latest when it must have ended at the latest, in milliseconds; null where it need not end
 * @param {string} [about.because] why it must
 * @param {string|null} [about.now] when it ends so far; undefined where it is new
 */
export function expiryField({ latest, because, now }) {
  const group = uniqueId("expiry");
  const ahead = (days) => Date.now() + days * DAY;
  const fits = (days) => latest === null || ahead(days) <= latest;
  const date = h("input", {
    type: "date",
    "aria-label": "Last day",
    min: asDate(Date.now()),
    max: latest === null ? null : asDate(latest),
  });
  const radios = [];
  /**
   * @param {string} value
   * @param {string} text
   * @param {{ disabled?: boolean, also?: Node }} [options]
   */
  const choice = (value, text, { disabled = false, also } = {}) => {
    const radio = h("input", { type: "radio", name: group, value, disabled });
    radios.push(radio);
    return h("label", {}, radio, text, also);
  };
  const body = h(
    "div",
    { class: "inline" },
    now !== undefined && choice("stay", now === null ? "never, as it is" : `${exact(now)}, as it is`),
    DAYS.map((days) => choice(String(days), `in ${days} days`, { disabled: !fits(days) })),
    choice(DATE, "on ", { also: date }),
    now !== null && choice(NEVER, latest === null ? "never" : "never (not allowed)", { disabled: latest !== null }),
  );
  date.addEventListener("input", () => (radios.find(({ value }) => value === DATE).checked = true));
  const usual = now !== undefined ? "stay" : fits(30) ? "30" : fits(7) ? "7" : DATE;
  radios.find(({ value }) => value === usual).checked = true;
  if (usual === DATE) date.value = asDate(latest);

  const read = () => {
    const chosen = radios.find(({ checked }) => checked).value;
    if (chosen === "stay") return {};
    if (chosen === NEVER) return { expires_at: null };
    if (chosen !== DATE) return { expires_in: Number(chosen) * 86_400 };
    if (!date.value) throw refuse("expires_at", "Choose the last day on which it works.");
    const end = endOfDay(date.value);
    if (end.getTime() <= Date.now()) throw refuse("expires_at", "This day is over.");
    // The last day that is allowed ends before its midnight.
    return {
      expires_at: new Date(
        latest === null || asDate(latest) !== date.value ? end : Math.min(end.getTime(), latest),
      ).toISOString(),
    };
  };
  const hint =
    latest === null
      ? "A token that ends by itself does less harm once it is forgotten."
      : `At the latest ${exact(latest)}: ${because}.`;
  return groupField({ name: "expires_at", names: ["expires_in"], label: "It ends", hint, body, read });
}

/** When tokens that the signed-in person issues or changes must have ended, and why. */
export function latestEnd({ workspace, own, grants, issued = Date.now() }) {
  const limits = [];
  if (workspace.max_lifetime !== null) {
    const words = workspace.max_lifetime % 86_400 === 0 ? duration(workspace.max_lifetime) : "a limited time";
    limits.push({
      latest: Date.parse(String(new Date(issued))) + workspace.max_lifetime * 1_000,
      because: `tokens of ${workspace.name} live for ${words} at most`,
    });
  }
  if (own?.expires_at && !grants)
    limits.push({ latest: Date.parse(own.expires_at), because: "it may not outlive the token you signed in with" });
  limits.sort((a, b) => a.latest - b.latest);
  return limits[0] ?? { latest: null };
}
