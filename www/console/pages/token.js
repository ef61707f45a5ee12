// One token: details, edit form, activity, and the actions disable, enable, rotate and revoke.

import { get, patch, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { may } from "../lib/session.js";
import { confirm } from "../parts/dialog.js";
import { history } from "../parts/activity.js";
import { isOwn, propagationNotice, revokeOne } from "../parts/revoke.js";
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
    notices(token),
    h(
      "div",
      { class: "columns" },
      h("div", {}, h("section", { class: "card" }, h("h2", {}, "Details"), facts(token, usage)), past),
      editor && h("section", { class: "card" }, h("h2", {}, "Edit token"), editor),
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

/** Notices about the token's state, shown above everything else. */
function notices(token) {
  const words = {
    revoked: "This token is permanently revoked.",
    expired: "This token has expired and is rejected. Set a later expiration to make it valid again.",
    disabled: "This token is disabled and is rejected until you enable it.",
    pending: "This token is not valid yet and is rejected until its start time.",
  };
  return [
    words[token.state] && notice(token.state === "revoked" ? "bad" : "warn", h("p", {}, words[token.state])),
    isOwn(token) &&
      notice(
        "info",
        h(
          "p",
          {},
          "You are signed in with this token. To change its scopes, expiration or allowed IP addresses, sign in with a different token or through an identity provider.",
        ),
      ),
  ];
}

function actions(token, body, reload) {
  const button = (text, run, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick: run }, text);
  const turn = async () => {
    if (await (token.enabled ? disable(token) : enable(token))) reload();
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

function disable(token) {
  return confirm({
    title: `Disable “${nameOf(token)}”?`,
    body: [
      h("p", {}, "Anything that uses this token will stop working until you enable it again."),
      propagationNotice(1),
      isOwn(token) &&
        notice(
          "warn",
          h(
            "p",
            {},
            "You are signed in with this token: disabling it ends your session. To enable it, you will need to sign in another way.",
          ),
        ),
    ],
    action: "Disable",
    danger: true,
    run: async () => {
      await change(token, { enabled: false });
      toast(`${nameOf(token)} was disabled.`);
    },
  });
}

function enable(token) {
  return confirm({
    title: `Enable “${nameOf(token)}”?`,
    body: [h("p", {}, "Programs that have the token value can use it again.")],
    action: "Enable",
    run: async () => {
      await change(token, { enabled: true });
      toast(`${nameOf(token)} was enabled.`);
    },
  });
}
