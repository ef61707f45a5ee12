// How full the workspace's storage is, in words, and what to do about it.

import { h } from "../lib/dom.js";
import { notice } from "./states.js";

/** From here on there is a warning. */
const WARN = 0.75;
/** From here on nothing is added; the ledger has the same. */
const FULL = 0.9;

/** `{used_bytes, limit_bytes}` in a sentence. */
export function tellStorage({ used_bytes: used, limit_bytes: limit }) {
  const share = used / limit;
  const percent = share > 0 && share < 0.01 ? "less than 1" : String(Math.floor(share * 100));
  return `${inBytes(used)} of ${inBytes(limit)} used (${percent} %)`;
}

/** A warning, where there is one. */
export function warnOfStorage(storage) {
  const share = storage ? storage.used_bytes / storage.limit_bytes : 0;
  if (share < WARN) return null;
  const remedy =
    "To make room, keep the audit for fewer days, or erase members. Whoever runs this service can allow more.";
  const what =
    share < FULL
      ? "The storage is filling up. From 90 % on no tokens, members or clients can be added, and no token can be rotated."
      : "The storage is nearly full: no tokens, members or clients can be added, and no token can be rotated. Revoking, disabling and suspending still work.";
  return notice("warn", h("p", {}, `${what} ${remedy}`));
}

function inBytes(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const digits = power > 0 && bytes / 1000 ** power < 10 ? 1 : 0;
  return `${(bytes / 1000 ** power).toLocaleString("en", { maximumFractionDigits: digits })} ${units[power]}`;
}
