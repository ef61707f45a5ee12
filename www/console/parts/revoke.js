// Revoking tokens. This cannot be undone, so a dialog first shows what will stop working.

import { post, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { me } from "../lib/session.js";
import { duration, relative } from "../lib/time.js";
import { confirm } from "./dialog.js";
import { textField } from "./form.js";
import { notice } from "./states.js";
import { toast } from "./toast.js";
import { nameOf } from "./token.js";

/** Asks for confirmation and revokes the token, unless it changed since it was read. Returns whether it was revoked. */
export function revokeOne(token) {
  const run = (reason) => remove(`/v1/tokens/${segment(token.id)}`, { reason }, { version: token.version });
  return ask([token], {
    title: "Revoke this token?",
    action: "Revoke token",
    done: `${nameOf(token)} was revoked.`,
    run,
  });
}

/** The same for several tokens: all of them or none. */
export function revokeMany(tokens) {
  if (tokens.length === 1) return revokeOne(tokens[0]);
  const count = `${tokens.length} tokens`;
  const run = (reason) => post("/v1/tokens/revoke", { ids: tokens.map(({ id }) => id), reason: reason || undefined });
  return ask(tokens, {
    title: `Revoke these ${count}?`,
    action: `Revoke ${count}`,
    done: `${count} were revoked.`,
    run,
  });
}

async function ask(tokens, { title, action, done, run }) {
  const reason = textField(
    { name: "reason", label: "Reason", hint: "Optional. Recorded in the audit log." },
    { maxlength: 200 },
  );
  const was = await confirm({
    title,
    body: [
      h(
        "p",
        {},
        `Anything that uses ${tokens.length === 1 ? "this token" : "these tokens"} will stop working. This can't be undone.`,
      ),
      propagationNotice(tokens.length),
      h(
        "ul",
        { class: "named", tabindex: tokens.length > 4 ? "0" : null, "aria-label": "Tokens to revoke" },
        tokens.map(named),
      ),
      tokens.some(isOwn) &&
        notice(
          "warn",
          h(
            "p",
            {},
            `You are signed in with ${tokens.length === 1 ? "this token" : "one of these tokens"}: your session ends too.`,
          ),
        ),
      reason,
    ],
    action,
    danger: true,
    run: () => run(reason.value.trim()),
  });
  if (was) toast(done);
  return was;
}

/** For how long tokens may still be accepted after the change, by each kind of verifier. */
export function propagationNotice(count) {
  const { lease_max, snapshot_max } = me.workspace;
  return h(
    "div",
    { class: "quiet" },
    h(
      "p",
      {},
      `The change takes some time to reach every verifier. ${count === 1 ? "The token" : "The tokens"} may still be accepted:`,
    ),
    h(
      "ul",
      {},
      h("li", {}, `by gateways (bounded checks) for up to ${duration(lease_max)}`),
      h("li", {}, "by eventual checks for about a minute plus any delay of Workers KV, which has no limit"),
      h("li", {}, `by offline verifiers until their snapshot expires, for up to ${duration(snapshot_max)}`),
    ),
  );
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

/** Whether this token opened the current session. */
export function isOwn(token) {
  return me.session.created_by === token.id;
}
