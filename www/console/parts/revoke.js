// Revoking tokens: for good, so it says first what will stop.

import { post, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { me } from "../lib/session.js";
import { duration, relative } from "../lib/time.js";
import { confirm } from "./dialog.js";
import { textField } from "./form.js";
import { notice } from "./states.js";
import { toast } from "./toast.js";
import { nameOf } from "./token.js";

/** Asks, and revokes this token as it was read: whether it was done. */
export function revokeOne(token) {
  const run = (reason) => remove(`/v1/tokens/${segment(token.id)}`, { reason }, { version: token.version });
  return ask([token], {
    title: "Revoke this token?",
    action: "Revoke the token",
    done: `${nameOf(token)} is revoked.`,
    run,
  });
}

/** The same of many: all of them or none. */
export function revokeMany(tokens) {
  if (tokens.length === 1) return revokeOne(tokens[0]);
  const count = `${tokens.length} tokens`;
  const run = (reason) => post("/v1/tokens/revoke", { ids: tokens.map(({ id }) => id), reason: reason || undefined });
  return ask(tokens, {
    title: `Revoke these ${count}?`,
    action: `Revoke ${count}`,
    done: `${count} are revoked.`,
    run,
  });
}

async function ask(tokens, { title, action, done, run }) {
  const reason = textField(
    { name: "reason", label: "Reason", hint: "For the audit; may be left empty." },
    { maxlength: 200 },
  );
  const was = await confirm({
    title,
    body: [
      h("p", {}, `Whatever uses ${tokens.length === 1 ? "it" : "them"} stops working. There is no way back.`),
      lag(tokens.length),
      h(
        "ul",
        { class: "named", tabindex: tokens.length > 4 ? "0" : null, "aria-label": "What will be revoked" },
        tokens.map(named),
      ),
      tokens.some(isOwn) &&
        notice("warn", h("p", {}, "You signed in with one of them: this ends your session as well.")),
      reason,
    ],
    action,
    danger: true,
    run: () => run(reason.value.trim()),
  });
  if (was) toast(done);
  return was;
}

/** How long revoked tokens may still be accepted, and where. */
export function lag(count) {
  const accepted = `Gateways may accept ${count === 1 ? "it" : "them"} for up to ${duration(me.workspace.lease_max)} more`;
  return h("p", { class: "quiet" }, `${accepted}; those that settle for eventual answers, longer.`);
}

function named(token) {
  const used = token.last_used_at ? `last used ${relative(token.last_used_at)}` : "never used";
  return h(
    "li",
    {},
    h("strong", {}, nameOf(token)),
    " ",
    h("code", {}, token.hint),
    h("small", {}, `${token.owner.id} · ${used}`),
  );
}

/** Whether the session stands for this token. */
export function isOwn(token) {
  return me.session.created_by === token.id;
}
