// How full the workspace's storage is, and what to do about it.

import { h } from "../lib/dom.js";
import { notice } from "./states.js";

/** The share from which on the console warns. */
const WARN = 0.75;
/** The share from which on nothing can be added; the ledger enforces the same. */
const FULL = 0.9;

/** `{used_bytes, limit_bytes}` as text. */
export function storageText({ used_bytes: used, limit_bytes: limit }) {
  const share = used / limit;
  const percent = share > 0 && share < 0.01 ? "less than 1" : String(Math.floor(share * 100));
  return `${inBytes(used)} of ${inBytes(limit)} used (${percent} %)`;
}

/** The warning, or null. */
export function storageWarning(storage) {
  const share = storage ? storage.used_bytes / storage.limit_bytes : 0;
  if (share < WARN) return null;
  const remedy = "To free space, shorten the audit log retention or erase members. The operator can raise the limit.";
  const what =
    share < FULL
      ? "The storage is filling up. From 90 % on, tokens, members and clients can't be created, and tokens can't be rotated."
      : "The storage is nearly full. Tokens, members and clients can't be created, and tokens can't be rotated. Revoking, disabling and suspending still work.";
  return notice("warn", h("p", {}, `${what} ${remedy}`));
}

function inBytes(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const digits = power > 0 && bytes / 1000 ** power < 10 ? 1 : 0;
  return `${(bytes / 1000 ** power).toLocaleString("en", { maximumFractionDigits: digits })} ${units[power]}`;
}
