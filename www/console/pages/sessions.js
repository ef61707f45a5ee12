// The active sessions, and ending them.

import { remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { isAdmin, may, me } from "../lib/session.js";
import { when } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { listing } from "../parts/listing.js";
import { empty } from "../parts/states.js";
import { table } from "../parts/table.js";
import { toast } from "../parts/toast.js";

export async function show({ signal }) {
  const list = listing({
    path: "/v1/sessions",
    what: "sessions",
    signal,
    none: () => empty("No active sessions"),
    lay: (sessions) =>
      table({
        caption: "Sessions",
        columns: [
          { title: "Member" },
          { title: "Signed in with" },
          { title: "Started" },
          { title: "Expires" },
          { title: "Actions", hidden: true },
        ],
        rows: sessions.map((session) => ({ cells: cellsOf(session, end) })),
      }),
  });
  async function end(session) {
    if (!(await endSession(session))) return;
    if (isThis(session)) location.reload();
    else await list.fetch();
  }
  await list.fetch();
  return {
    title: "Sessions",
    body: [
      h(
        "p",
        { class: "quiet" },
        isAdmin()
          ? "All active sessions in this workspace. A session ends when it expires, or when the token that opened it stops working."
          : "Your active sessions. A session ends when it expires, or when the token that opened it stops working.",
      ),
      list.element,
    ],
  };
}

function cellsOf(session, end) {
  const { id, member, created_by, issuer, created_at, expires_at } = session;
  return [
    [
      isThis(session) ? h("strong", {}, `${member.id} (current session)`) : member.id,
      h("small", { class: "mono" }, id),
    ],
    created_by ? h("a", { href: `#/tokens/${segment(created_by)}` }, "token") : issuer,
    when(created_at),
    when(expires_at),
    (may("tokens:write") || isThis(session)) &&
      h(
        "button",
        {
          type: "button",
          class: "button",
          "aria-label": `End session of ${member.id}`,
          onclick: () => end(session),
        },
        "End…",
      ),
  ];
}

function endSession(session) {
  return confirm({
    title: isThis(session) ? "End your current session?" : `End session of ${session.member.id}?`,
    body: [
      h(
        "p",
        {},
        isThis(session)
          ? "You will be signed out."
          : "They will have to sign in again. If a token opened the session, it stays valid: revoke it if it must stop working.",
      ),
    ],
    action: "End session",
    danger: true,
    run: async () => {
      await remove(`/v1/sessions/${segment(session.id)}`);
      toast("Session ended.");
    },
  });
}

function isThis({ id }) {
  return id === me.session.id;
}
