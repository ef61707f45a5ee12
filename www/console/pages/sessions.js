// Who is signed in, and since when.

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
    none: () => empty("Nobody is signed in"),
    lay: (sessions) =>
      table({
        caption: "Sessions",
        columns: [
          { title: "Member" },
          { title: "Signed in by" },
          { title: "Since" },
          { title: "Ends" },
          { title: "What to do", hidden: true },
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
          ? "Everybody who is signed in to this workspace. A session ends by itself, and with the token that opened it."
          : "Where you are signed in. A session ends by itself, and with the token that opened it.",
      ),
      list.element,
    ],
  };
}

function cellsOf(session, end) {
  const { id, member, created_by, issuer, created_at, expires_at } = session;
  return [
    [isThis(session) ? h("strong", {}, `${member.id} (this one)`) : member.id, h("small", { class: "mono" }, id)],
    created_by ? h("a", { href: `#/tokens/${segment(created_by)}` }, "a token") : issuer,
    when(created_at),
    when(expires_at),
    (may("tokens:write") || isThis(session)) &&
      h(
        "button",
        {
          type: "button",
          class: "button",
          "aria-label": `End the session of ${member.id}`,
          onclick: () => end(session),
        },
        "End…",
      ),
  ];
}

function endSession(session) {
  return confirm({
    title: isThis(session) ? "End this session?" : `End the session of ${session.member.id}?`,
    body: [
      h(
        "p",
        {},
        isThis(session)
          ? "This is the session you are in: you will be signed out."
          : "They will have to sign in again. The token that opened it goes on working: revoke it if it should not.",
      ),
    ],
    action: "End the session",
    danger: true,
    run: async () => {
      await remove(`/v1/sessions/${segment(session.id)}`);
      toast("The session is ended.");
    },
  });
}

function isThis({ id }) {
  return id === me.session.id;
}
