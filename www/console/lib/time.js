// Formats times and durations, in the browser's time zone.

import { h } from "./dom.js";

const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const TO_THE_SECOND = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/**
 * The units of relative times, and below which distance each is used.
 *
 * @type {Array<{ unit: Intl.RelativeTimeFormatUnit, size: number, below: number }>}
 */
const UNITS = [
  { unit: "second", size: SECOND, below: 45 * SECOND },
  { unit: "minute", size: MINUTE, below: 45 * MINUTE },
  { unit: "hour", size: HOUR, below: 22 * HOUR },
  { unit: "day", size: DAY, below: 60 * DAY },
  { unit: "month", size: 30.44 * DAY, below: 540 * DAY },
  { unit: "year", size: 365.25 * DAY, below: Infinity },
];

/** `21 Dec 2026, 09:12` */
export function exact(time) {
  return EXACT.format(new Date(time));
}

/** `in 30 days`, `2 hours ago`, `now` */
export function relative(time, now = Date.now()) {
  const distance = new Date(time).getTime() - now;
  const { unit, size } = UNITS.find(({ below }) => Math.abs(distance) < below);
  return RELATIVE.format(Math.round(distance / size), unit);
}

/** A relative time with the exact one below it; `none` if there is no time. */
export function when(time, none) {
  if (!time) return h("span", { class: "quiet" }, none);
  return h(
    "time",
    { class: "when", datetime: time, title: TO_THE_SECOND.format(new Date(time)) },
    relative(time),
    h("small", {}, exact(time)),
  );
}

/** The exact and the relative time in one line. */
export function at(time) {
  return h(
    "time",
    { datetime: time, title: TO_THE_SECOND.format(new Date(time)) },
    `${exact(time)} (${relative(time)})`,
  );
}

/** The latest time that a `Date` can represent. */
const END_OF_TIME = 8.64e15;

/** Like `at`, for milliseconds since 1970. */
export function moment(milliseconds) {
  return at(new Date(Math.min(milliseconds, END_OF_TIME)).toISOString());
}

/**
 * The units of durations, with their length in seconds.
 *
 * @type {Array<[string, number]>}
 */
export const LENGTHS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A number of seconds as `90 days` or `12 hours`: in the largest unit that divides it evenly. */
export function duration(seconds) {
  const [word, size] = LENGTHS.find(([, size]) => seconds % size === 0);
  const count = seconds / size;
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

/** The last second of a day such as `2026-12-21`, in the browser's time zone. */
export function endOfDay(date) {
  return new Date(`${date}T23:59:59`);
}

/** A date in the format of date inputs. */
export function asDate(time) {
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
