// One member: what it may do, what can be changed of it, and what becomes of its tokens.

import { get, patch, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { go } from "../lib/router.js";
import { isAdmin, may, me } from "../lib/session.js";
import { at, relative } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { form, refuse, textField } from "../parts/form.js";
import { history } from "../parts/history.js";
import { memberFields, subjectIssuers } from "../parts/member-fields.js";
import { lag } from "../parts/revoke.js";
import { notice } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { badge, nameOf, scopeList } from "../parts/token.js";

/** How many tokens are named of those that will stop working. */
const NAMED = 8;

export async function show({ id, signal, reload }) {
  const path = `/v1/members/${segment(id)}`;
  const [member, { scopes: catalogue }] = await Promise.all([
    get(path, {}, { signal }),
    get("/v1/scopes", {}, { signal }),
  ]);
  const fields = memberFields({ catalogue, member });
  const submit = async () => {
    const body = fields.changes();
    if (Object.keys(body).length === 0) return toast("Nothing was changed.");
    await patch(path, body);
    toast("The changes are saved.");
    reload();
  };
  const mayChange = member.role !== "admin" || isAdmin();
  return {
    title: member.name,
    crumb: { text: "Members", href: "#/members" },
    actions: mayChange && actions(member, path, reload),
    body: [
      member.state === "suspended" &&
        notice(
          "warn",
          h("p", {}, "This member is suspended: nothing accepts their tokens, and nobody signs in as them."),
        ),
      member.subject &&
        !subjectIssuers().includes(member.subject_issuer) &&
        notice("warn", h("p", {}, undecided(member))),
      !mayChange && notice("info", h("p", {}, "Only an admin may change an admin.")),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          {},
          h("section", { class: "card" }, h("h2", {}, "What is known"), facts(member)),
          may("audit:read") && (await history(member, signal)),
        ),
        mayChange &&
          h(
            "section",
            { class: "card" },
            h("h2", {}, "Change it"),
            form({ fields: fields.list, action: "Save changes", submit }),
          ),
      ),
    ],
  };
}

function facts(member) {
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  const live = `${member.live_tokens.toLocaleString("en")} of ${member.quota.toLocaleString("en")}`;
  return h(
    "dl",
    { class: "facts" },
    fact("State", badge(member.state)),
    fact("Role", member.role),
    fact("Id", h("code", {}, member.id), h("small", {}, `number ${member.number}`)),
    member.email && fact("E-mail", member.email),
    member.subject &&
      fact(
        "Subject",
        h("code", {}, member.subject),
        h("small", {}, member.subject_issuer ?? "no identity provider yet"),
      ),
    fact("Granted", scopeList(member.grants)),
    fact(
      "Live tokens",
      may("tokens:read") && isAdmin() ? h("a", { href: `#/tokens?owner=${segment(member.id)}` }, live) : live,
    ),
    fact("Added", at(member.created_at)),
  );
}

/** Why nobody signs in by the member's subject. */
function undecided({ subject_issuer: issuer }) {
  if (subjectIssuers().length === 0)
    return "Nobody signs in with this subject: no identity provider identifies members by subject. The settings say how each does.";
  if (issuer)
    return `Nobody signs in with this subject: it belongs to ${issuer}, which does not identify members by subject here. Choose another identity provider.`;
  return "Nobody signs in with this subject: it is not known whose it is. Choose its identity provider.";
}

function actions(member, path, reload) {
  const button = (text, run, kind = "") =>
    h(
      "button",
      {
        type: "button",
        class: `button ${kind}`,
        onclick: async () => {
          if (await run(member, path)) reload();
        },
      },
      text,
    );
  return [
    member.state === "active" ? button("Suspend…", suspend) : button("Reactivate…", reactivate),
    button("Revoke all tokens…", revokeAll, "danger"),
    h("button", { type: "button", class: "button danger", onclick: () => erase(member, path) }, "Remove…"),
  ];
}

async function suspend(member, path) {
  return confirm({
    title: `Suspend ${member.name}?`,
    body: [
      h(
        "p",
        {},
        "From then on nothing accepts their tokens, and nobody is signed in as them. Nothing is lost: once they are reactivated, all of it works again.",
      ),
      lag(member.live_tokens),
      await stopping(member),
      self(member),
    ],
    action: "Suspend",
    danger: true,
    run: async () => {
      await patch(path, { state: "suspended" });
      toast(`${member.name} is suspended.`);
    },
  });
}

async function reactivate(member, path) {
  return confirm({
    title: `Reactivate ${member.name}?`,
    body: [h("p", {}, `Their ${count(member)} can be used again, and they can sign in.`)],
    action: "Reactivate",
    run: async () => {
      await patch(path, { state: "active" });
      toast(`${member.name} is active again.`);
    },
  });
}

async function revokeAll(member, path) {
  return confirm({
    title: `Revoke all tokens of ${member.name}?`,
    body: [
      h(
        "p",
        {},
        "Whatever uses them stops working, and there is no way back. The member stays, and may be given others.",
      ),
      lag(member.live_tokens),
      await stopping(member),
      self(member),
    ],
    action: "Revoke all",
    danger: true,
    run: async () => {
      await patch(path, { revoke_all: true });
      toast(`All tokens of ${member.name} are revoked.`);
    },
  });
}

async function erase(member, path) {
  const typed = textField({ name: "typed", label: `Type the id ${member.id} to go on` }, { autocapitalize: "none" });
  const done = await confirm({
    title: `Remove ${member.name}?`,
    body: [
      h(
        "p",
        {},
        "All their tokens are revoked, and what says who they were is erased, names and notes of their tokens too. There is no way back. The audit keeps what was done, without names.",
      ),
      await stopping(member),
      self(member),
      typed,
    ],
    action: "Remove the member",
    danger: true,
    run: async () => {
      if (typed.value.trim() !== member.id) throw refuse("typed", `This is not ${member.id}.`);
      await remove(path);
    },
  });
  if (!done) return;
  toast(`${member.name} is removed.`);
  go("#/members");
}

/** Which tokens will stop working, the first of them by name. */
async function stopping(member) {
  if (member.live_tokens === 0) return h("p", {}, "They have no live tokens.");
  const query = { owner: member.id, state: "active", sort: "-last_used_at", limit: NAMED };
  const page = isAdmin() && may("tokens:read") ? await get("/v1/tokens", query).catch(() => null) : null;
  if (!page || page.items.length === 0) return h("p", {}, `This stops ${count(member)}.`);
  const more = page.total - page.items.length;
  return h(
    "div",
    {},
    h("p", {}, `This stops ${count(member)}:`),
    h(
      "ul",
      { class: "named", tabindex: "0", "aria-label": "What stops working" },
      page.items.map((token) =>
        h(
          "li",
          {},
          h("strong", {}, nameOf(token)),
          " ",
          h("code", {}, token.hint),
          h("small", {}, token.last_used_at ? `last used ${relative(token.last_used_at)}` : "never used"),
        ),
      ),
      more > 0 && h("li", { class: "quiet" }, `and ${more.toLocaleString("en")} more`),
    ),
  );
}

function self(member) {
  return member.id === me.member.id && notice("warn", h("p", {}, "This is you: it ends your session as well."));
}

function count({ live_tokens }) {
  return live_tokens === 1 ? "1 live token" : `${live_tokens.toLocaleString("en")} live tokens`;
}
