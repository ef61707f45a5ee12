// What a token may do, as a snapshot has it.

import { h, uniqueId } from "../lib/dom.js";
import { moment } from "../lib/time.js";
import { notice } from "./states.js";
import { scopeList } from "./token.js";

/** By code: how it looks, what it is in a word or two, and what that means. */
const MEANINGS = {
  VALID: ["good", "Valid.", "It passes wherever no more is asked for than what it may do."],
  UNKNOWN: ["bad", "Unknown.", "There was no such token in the workspace then. Either it was issued since, or never."],
  WORKSPACE_SUSPENDED: ["bad", "Suspended.", "None of the workspace's tokens pass."],
  REVOKED: ["bad", "Revoked.", "It passes nowhere, and never again."],
  OWNER_SUSPENDED: ["bad", "Its owner is suspended.", "It passes nowhere meanwhile."],
  DISABLED: ["bad", "Switched off.", "It passes nowhere until it is switched on."],
  EXPIRED: ["bad", "Expired.", "It passes nowhere any more."],
  NOT_YET_VALID: ["warn", "Not valid yet.", "It passes nowhere until it begins to count."],
  ADDRESS_NOT_ALLOWED: [
    "warn",
    "Bound to addresses.",
    "It passes from some addresses only, and from which this page does not call.",
  ],
};

/**
 * @param {import("../../../crates/wasm/js/index.d.ts").Details} decision as the module tells it in full
 * @param {SnapshotInfo} held the snapshot that was gone by
 * @param {import("../../../crates/wasm/js/index.d.ts").Inspection} text what the text looks like
 */
export function verdict(decision, held, text) {
  const [kind, word, meaning] = MEANINGS[decision.code] ?? ["warn", "Not known.", whyUnavailable(decision, held, text)];
  const isAnothers = decision.code === "UNKNOWN" && text.kind === "ours" && text.workspace !== held.workspace;
  const { number, ownerId, owner, scopes, expiresAt } = decision;
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  const id = uniqueId("verdict");
  return h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("h2", { id }, "What it may do"),
    isAnothers
      ? notice("warn", h("p", {}, h("strong", {}, "Another workspace's."), " The snapshot says nothing of it."))
      : notice(kind, h("p", {}, h("strong", {}, word), " ", meaning)),
    h(
      "dl",
      { class: "facts" },
      fact("Code", h("code", {}, decision.code)),
      number !== undefined && [
        fact("Token", `number ${number}`),
        fact("Owner", ownerId, h("small", {}, `number ${owner}`)),
        fact(decision.valid ? "It may" : "Scopes", scopeList(scopes)),
        fact("Ends", expiresAt === undefined ? "never" : moment(expiresAt)),
      ],
      fact("As of", moment(held.asOf)),
      fact("The snapshot counts until", moment(held.expiresAt)),
    ),
  );
}

/**
 * @param {{ number?: number }} decision
 * @param {{ expiresAt: number }} held
 * @param {{ kind: string }} text
 */
function whyUnavailable({ number }, { expiresAt }, { kind }) {
  if (Date.now() >= expiresAt) return "The snapshot has expired. Load a later one.";
  if (number !== undefined) {
    return "It is bound to addresses, and a snapshot leaves those out. Whether it passes hangs on where it is used: only the service can tell.";
  }
  return kind === "foreign"
    ? "Of the tokens imported from elsewhere, those marked weak are left out of a snapshot, and this may be one. Only the service can tell."
    : "Whose it is, the snapshot does not tell. Only the service can.";
}
