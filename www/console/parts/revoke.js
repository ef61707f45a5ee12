// Revoking tokens: for good, so it says first what will stop.

import { post } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { me } from "../lib/session.js";
import { relative } from "../lib/time.js";
import { confirm } from "./dialog.js";
import { textField } from "./form.js";
import { notice } from "./states.js";
import { toast } from "./toast.js";
import { nameOf } from "./token.js";

/** Asks, and revokes these tokens: whether it was done. */
export async function revokeMany(tokens) {
  const [count, what] = tokens.length === 1 ? ["this token", "it"] : [`these ${tokens.length} tokens`, "them"];
  const reason = textField({ name: "reason", label: "Reason", hint: "For the audit; may be left empty." }, { maxlength: 200 });
  const done = await confirm({
    title: `Revoke ${count}?`,
    body: [
      h("p", {}, `Whatever uses ${what} stops working at once. There is no way back.`),
      h("ul", { class: "named" }, tokens.map(named)),
      tokens.some(isOwn) && notice("warn", h("p", {}, "You signed in with one of them: this ends your session as well.")),
      reason,
    ],
    action: tokens.length === 1 ? "Revoke the token" : `Revoke ${tokens.length} tokens`,
    danger: true,
    run: () => post("/v1/tokens/revoke", { ids: tokens.map(({ id }) => id), reason: reason.value.trim() || undefined }),
  });
  if (done) toast(tokens.length === 1 ? `${nameOf(tokens[0])} is revoked.` : `${tokens.length} tokens are revoked.`);
  return done;
}

function named(token) {
  const used = token.last_used_at ? `last used ${relative(token.last_used_at)}` : "never used";
  return h("li", {}, h("strong", {}, nameOf(token)), " ", h("code", {}, token.hint),
    h("small", {}, `${token.owner.id} · ${used}`));
}

/** Whether the session stands for this token. */
export function isOwn(token) {
  return me.session.created_by === token.id;
}
