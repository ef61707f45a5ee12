// One member: details, edit form, and actions on the member and all of its tokens.

import { get, patch, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { go } from "../lib/router.js";
import { isAdmin, may, me } from "../lib/session.js";
import { at, relative } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { form, refuse, textField } from "../parts/form.js";
import { history } from "../parts/activity.js";
import { memberFields, subjectIssuers } from "../parts/member-fields.js";
import { propagationNotice } from "../parts/revoke.js";
import { notice } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { badge, nameOf, scopeList } from "../parts/token.js";

/** How many of the tokens that will stop working are listed by name. */
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
    if (Object.keys(body).length === 0) return toast("No changes to save.");
    await patch(path, body);
    toast("Changes saved.");
    reload();
  };
  const mayChange = member.role !== "admin" || isAdmin();
  return {
    title: member.name,
    crumb: { text: "Members", href: "#/members" },
    actions: mayChange && actions(member, path, reload),
    body: [
      member.state === "suspended" &&
        notice("warn", h("p", {}, "This member is suspended: their tokens are rejected, and they cannot sign in.")),
      member.subject &&
        !subjectIssuers().includes(member.subject_issuer) &&
        notice("warn", h("p", {}, subjectProblem(member))),
      !mayChange && notice("info", h("p", {}, "Only an admin can edit an admin.")),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          {},
          h("section", { class: "card" }, h("h2", {}, "Details"), facts(member)),
          may("audit:read") && (await history(member, signal)),
        ),
        mayChange &&
          h(
            "section",
            { class: "card" },
            h("h2", {}, "Edit member"),
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
    fact("ID", h("code", {}, member.id), h("small", {}, `number ${member.number}`)),
    member.email && fact("Email address", member.email),
    member.subject &&
      fact(
        "Subject",
        h("code", {}, member.subject),
        h("small", {}, member.subject_issuer ?? "no identity provider selected"),
      ),
    fact("Granted scopes", scopeList(member.grants)),
    fact(
      "Live tokens",
      may("tokens:read") && isAdmin() ? h("a", { href: `#/tokens?owner=${segment(member.id)}` }, live) : live,
    ),
    fact("Added", at(member.created_at)),
  );
}

/** Why the member cannot sign in with its subject. */
function subjectProblem({ subject_issuer: issuer }) {
  if (subjectIssuers().length === 0)
    return "This member cannot sign in with their subject: no identity provider identifies members by subject. See the settings.";
  if (issuer)
    return `This member cannot sign in with their subject: ${issuer} is not set to identify members by subject. Select another identity provider.`;
  return "This member cannot sign in with their subject until you select its identity provider.";
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
    h("button", { type: "button", class: "button danger", onclick: () => erase(member, path) }, "Erase…"),
  ];
}

async function suspend(member, path) {
  return confirm({
    title: `Suspend ${member.name}?`,
    body: [
      h(
        "p",
        {},
        "Their tokens are rejected, and they cannot sign in or use the console. Nothing is deleted: when you reactivate the member, their tokens work again.",
      ),
      member.live_tokens > 0 && propagationNotice(member.live_tokens),
      await affectedTokens(member),
      ownAccountWarning(member),
    ],
    action: "Suspend",
    danger: true,
    run: async () => {
      await patch(path, { state: "suspended" });
      toast(`${member.name} was suspended.`);
    },
  });
}

async function reactivate(member, path) {
  return confirm({
    title: `Reactivate ${member.name}?`,
    body: [h("p", {}, "Their active tokens are accepted again, and they can sign in.")],
    action: "Reactivate",
    run: async () => {
      await patch(path, { state: "active" });
      toast(`${member.name} was reactivated.`);
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
        "Anything that uses these tokens will stop working. This can't be undone. The member stays active and can be given new tokens.",
      ),
      member.live_tokens > 0 && propagationNotice(member.live_tokens),
      await affectedTokens(member),
      ownAccountWarning(member),
    ],
    action: "Revoke all tokens",
    danger: true,
    run: async () => {
      await patch(path, { revoke_all: true });
      toast(`All tokens of ${member.name} were revoked.`);
    },
  });
}

async function erase(member, path) {
  const typed = textField(
    { name: "typed", label: `To confirm, type the member's ID: ${member.id}` },
    { autocapitalize: "none" },
  );
  const done = await confirm({
    title: `Erase ${member.name}?`,
    body: [
      h(
        "p",
        {},
        "All their tokens are revoked, and their personal data is erased, including the names and notes of their tokens. This can't be undone. The audit log keeps their actions, without names.",
      ),
      member.live_tokens > 0 && propagationNotice(member.live_tokens),
      await affectedTokens(member),
      ownAccountWarning(member),
      typed,
    ],
    action: "Erase member",
    danger: true,
    run: async () => {
      if (typed.value.trim() !== member.id) throw refuse("typed", `Type ${member.id} exactly.`);
      await remove(path);
    },
  });
  if (!done) return;
  toast(`${member.name} was erased.`);
  go("#/members");
}

/** How many tokens will stop working, the first few by name. */
async function affectedTokens(member) {
  if (member.live_tokens === 0) return h("p", {}, "This member has no live tokens.");
  const query = { owner: member.id, state: "active", sort: "-last_used_at", limit: NAMED };
  const page = isAdmin() && may("tokens:read") ? await get("/v1/tokens", query).catch(() => null) : null;
  if (!page || page.items.length === 0) return h("p", {}, `${count(member)} will stop working.`);
  const more = page.total - page.items.length;
  return h(
    "div",
    {},
    h("p", {}, `${count(member)} will stop working:`),
    h(
      "ul",
      { class: "named", tabindex: "0", "aria-label": "Tokens that will stop working" },
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

function ownAccountWarning(member) {
  return member.id === me.member.id && notice("warn", h("p", {}, "This is your own account: your session ends too."));
}

function count({ live_tokens }) {
  return live_tokens === 1 ? "1 live token" : `${live_tokens.toLocaleString("en")} live tokens`;
}
