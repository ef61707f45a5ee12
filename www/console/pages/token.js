// One token: what it is, what can be changed of it, and what happened to it.

import { get, patch, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { may } from "../lib/session.js";
import { confirm } from "../parts/dialog.js";
import { history } from "../parts/history.js";
import { isOwn, revokeOne } from "../parts/revoke.js";
import { rotate } from "../parts/rotate.js";
import { shownBefore, shownOnce } from "../parts/shown-once.js";
import { notice } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { facts, nameOf } from "../parts/token.js";
import { tokenEditor } from "../parts/token-editor.js";

export async function show({ id, signal, reload }) {
  const path = `/v1/tokens/${segment(id)}`;
  const [token, usage] = await Promise.all([get(path, {}, { signal }), get(`${path}/usage`, {}, { signal })]);
  const [editor, past] = await Promise.all([
    changeable(token) && tokenEditor(token, { signal, reload }),
    may("audit:read") && history(token, signal),
  ]);
  const body = h("div", {});
  fill(
    body,
    standing(token),
    h(
      "div",
      { class: "columns" },
      h("div", {}, h("section", { class: "card" }, h("h2", {}, "What is kept of it"), facts(token, usage)), past),
      editor && h("section", { class: "card" }, h("h2", {}, "Change it"), editor),
    ),
  );
  return {
    title: nameOf(token),
    crumb: { text: "Tokens", href: "#/tokens" },
    actions: changeable(token) && actions(token, body, reload),
    body,
  };
}

function changeable(token) {
  return may("tokens:write") && token.state !== "revoked";
}

/** What somebody should know before anything else. */
function standing(token) {
  const words = {
    revoked: "This token is revoked, for good.",
    expired: "This token has expired: nothing accepts it. A later end brings it back.",
    disabled: "This token is switched off: nothing accepts it until it is switched on again.",
    pending: "This token is not valid yet.",
  };
  return [
    words[token.state] && notice(token.state === "revoked" ? "bad" : "warn", h("p", {}, words[token.state])),
    isOwn(token) &&
      notice(
        "info",
        h(
          "p",
          {},
          "You signed in with this token. Its scopes, its end and its addresses can be changed in the session of another only.",
        ),
      ),
  ];
}

function actions(token, body, reload) {
  const button = (text, run, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick: run }, text);
  const turn = async () => {
    if (await (token.enabled ? switchOff(token) : switchOn(token))) reload();
  };
  const renew = async (event) => {
    const issued = await rotate(token);
    if (!issued) return;
    event.target.closest(".actions").remove();
    fill(body, issued.token ? shownOnce(issued) : shownBefore(issued));
  };
  const revoke = async () => {
    if (await revokeOne(token)) reload();
  };
  return [
    button(token.enabled ? "Disable…" : "Enable…", turn),
    token.state !== "expired" && button("Rotate…", renew),
    button("Revoke…", revoke, "danger"),
  ];
}

const change = (token, body) => patch(`/v1/tokens/${segment(token.id)}`, body, { version: token.version });

function switchOff(token) {
  return confirm({
    title: `Disable “${nameOf(token)}”?`,
    body: [
      h("p", {}, "Whatever uses it stops working until it is enabled again."),
      isOwn(token) &&
        notice(
          "warn",
          h("p", {}, "You signed in with this token: this ends your session, and you need another token to enable it."),
        ),
    ],
    action: "Disable",
    danger: true,
    run: async () => {
      await change(token, { enabled: false });
      toast(`${nameOf(token)} is disabled.`);
    },
  });
}

function switchOn(token) {
  return confirm({
    title: `Enable “${nameOf(token)}”?`,
    body: [h("p", {}, "Whoever holds its text can use it again.")],
    action: "Enable",
    run: async () => {
      await change(token, { enabled: true });
      toast(`${nameOf(token)} is enabled.`);
    },
  });
}
