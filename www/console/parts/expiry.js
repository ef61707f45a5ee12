// The field for a token's expiration.

import { h, uniqueId } from "../lib/dom.js";
import { asDate, DAY, duration, endOfDay, exact } from "../lib/time.js";
import { groupField, refuse } from "./form.js";

const DAYS = [7, 30, 90];

/** The values of the choices "on a date" and "never". */
const [DATE, NEVER] = ["date", "never"];

/**
 * The field: `value` has the expiration fields of a request.
 *
 * @param {object} about
 * @param {number|null} about.latest the latest allowed expiration, in milliseconds; null if there is no limit
 * @param {string} [about.because] the reason for the limit
 * @param {string|null} [about.now] the current expiration, null for never; undefined for a new token
 */
export function expiryField({ latest, because, now }) {
  const group = uniqueId("expiry");
  const ahead = (days) => Date.now() + days * DAY;
  const fits = (days) => latest === null || ahead(days) <= latest;
  const date = h("input", {
    type: "date",
    "aria-label": "Expiration date",
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
    now !== undefined && choice("stay", now === null ? "never (current)" : `${exact(now)} (current)`),
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
    if (!date.value) throw refuse("expires_at", "Select an expiration date.");
    const end = endOfDay(date.value);
    if (end.getTime() <= Date.now()) throw refuse("expires_at", "Select today or a later date.");
    // On the latest allowed day, the limit comes before the end of the day.
    return {
      expires_at: new Date(
        latest === null || asDate(latest) !== date.value ? end : Math.min(end.getTime(), latest),
      ).toISOString(),
    };
  };
  const hint =
    latest === null
      ? "Set an expiration if you can: it limits the damage of a forgotten or leaked token."
      : `Must be ${exact(latest)} or earlier: ${because}.`;
  return groupField({ name: "expires_at", names: ["expires_in"], label: "Expiration", hint, body, read });
}

/** The latest expiration that the signed-in member can set, and the reason for it. */
export function latestEnd({ workspace, own, grants, issued = Date.now() }) {
  const limits = [];
  if (workspace.max_lifetime !== null) {
    limits.push({
      latest: Date.parse(String(new Date(issued))) + workspace.max_lifetime * 1_000,
      because: `the maximum token lifetime in ${workspace.name} is ${duration(workspace.max_lifetime)}`,
    });
  }
  if (own?.expires_at && !grants)
    limits.push({
      latest: Date.parse(own.expires_at),
      because: "it cannot expire later than the token you signed in with",
    });
  limits.sort((a, b) => a.latest - b.latest);
  return limits[0] ?? { latest: null };
}
