// The result of verifying a value with a snapshot.

import { h, uniqueId } from "../lib/dom.js";
import { moment } from "../lib/time.js";
import { notice } from "./states.js";
import { scopeList } from "./token.js";

/** By code: the kind of notice, a short result, and what it means. */
const MEANINGS = {
  VALID: ["good", "Valid.", "Accepted wherever its effective scopes satisfy the requirement."],
  UNKNOWN: ["bad", "Unknown.", "The snapshot has no such token. It was created later, or never."],
  WORKSPACE_SUSPENDED: ["bad", "Workspace suspended.", "All tokens of the workspace are rejected."],
  REVOKED: ["bad", "Revoked.", "Permanently rejected."],
  OWNER_SUSPENDED: ["bad", "Owner suspended.", "Rejected until its owner is reactivated."],
  DISABLED: ["bad", "Disabled.", "Rejected until it is enabled."],
  EXPIRED: ["bad", "Expired.", "Rejected, unless it is given a later expiration."],
  NOT_YET_VALID: ["warn", "Not valid yet.", "Rejected until its start time."],
  ADDRESS_NOT_ALLOWED: [
    "warn",
    "IP-restricted.",
    "Accepted only from its allowed IP addresses, which this page cannot check.",
  ],
};

/**
 * @param {import("../../../crates/wasm/js/index.d.ts").Details} decision the decision with all its details
 * @param {SnapshotInfo} held the snapshot that was used
 * @param {import("../../../crates/wasm/js/index.d.ts").Inspection} text the format of the value
 */
export function snapshotResult(decision, held, text) {
  const [kind, word, meaning] = MEANINGS[decision.code] ?? [
    "warn",
    "Cannot be verified offline.",
    whyUnavailable(decision, held, text),
  ];
  const isAnothers = decision.code === "UNKNOWN" && text.kind === "ours" && text.workspace !== held.workspace;
  const { number, ownerId, owner, scopes, expiresAt } = decision;
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  const id = uniqueId("verdict");
  return h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("h2", { id }, "Result"),
    isAnothers
      ? notice(
          "warn",
          h("p", {}, h("strong", {}, "Different workspace."), " The snapshot does not contain this token's workspace."),
        )
      : notice(kind, h("p", {}, h("strong", {}, word), " ", meaning)),
    h(
      "dl",
      { class: "facts" },
      fact("Code", h("code", {}, decision.code)),
      number !== undefined && [
        fact("Token", `number ${number}`),
        fact("Owner", ownerId, h("small", {}, `number ${owner}`)),
        fact(decision.valid ? "Effective scopes" : "Scopes", scopeList(scopes)),
        fact("Expires", expiresAt === undefined ? "never" : moment(expiresAt)),
      ],
      fact("As of", moment(held.asOf)),
      fact("Snapshot valid until", moment(held.expiresAt)),
    ),
  );
}

/**
 * @param {{ number?: number }} decision
 * @param {{ expiresAt: number }} held
 * @param {{ kind: string }} text
 */
function whyUnavailable({ number }, { expiresAt }, { kind }) {
  if (Date.now() >= expiresAt) return "The snapshot has expired. Load a newer one.";
  if (number !== undefined) {
    return "The token is limited to certain IP addresses, which snapshots do not contain. Only an online check can verify it.";
  }
  return kind === "foreign"
    ? "Snapshots do not contain low-entropy imports, and this value may be one. Only an online check can verify it."
    : "The snapshot does not contain the token's owner. Only an online check can verify it.";
}
