// Generating a token.

import { all, get, post, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { onceEach } from "../lib/once.js";
import { isAdmin, may, me, openedWith } from "../lib/session.js";
import { expiryField, latestEnd } from "../parts/expiry.js";
import { areaField, form, refuse, selectField, textField } from "../parts/form.js";
import { readLines } from "../parts/lines.js";
import { grantable, scopesField } from "../parts/scopes.js";
import { shownBefore, shownOnce } from "../parts/shown-once.js";
import { notice } from "../parts/states.js";

export async function show({ signal }) {
  const [{ scopes: catalogue }, member, own, members] = await Promise.all([
    get("/v1/scopes", {}, { signal }),
    get(`/v1/members/${segment(me.member.id)}`, {}, { signal }),
    openedWith(signal),
    isAdmin() && may("workspace:manage") ? all("/v1/members") : [],
  ]);
  const element = h("div", {});
  fill(element, newToken({ catalogue, member, own, members, issued: (issued) => reveal(element, issued) }));
  return { title: "Generate new API token", crumb: { text: "Tokens", href: "#/tokens" }, body: element };
}

function reveal(element, issued) {
  fill(element, issued.token ? shownOnce(issued) : shownBefore(issued));
  const title = document.querySelector("h1");
  title.textContent = issued.token ? "Here is your token" : "The token was made";
  title.focus();
}

function newToken({ catalogue, member, own, members, issued }) {
  let owner = member;
  const quota = h("p", { class: "quota" });
  const name = textField(
    { name: "name", label: "Name", hint: "What program or person it is for." },
    { maxlength: 200, required: true },
  );
  const note = textField(
    { name: "note", label: "Note", hint: "Whom to ask about it, where it is kept; may be left empty." },
    { maxlength: 1000 },
  );
  const scopes = scopesField({ offered: grantable(owner, catalogue) });
  const expiry = expiryField(latestEnd({ workspace: me.workspace, own, grants: may("tokens:grant") }));
  const addresses = areaField(
    {
      name: "allowed_addresses",
      label: "Addresses",
      hint: "Where it may be used from, one block a line, such as 192.0.2.0/24; from anywhere where empty.",
    },
    { rows: 2 },
  );
  const belongs =
    members.length > 1 &&
    selectField(
      {
        name: "owner",
        label: "Owner",
        value: owner.id,
        choices: members
          .filter(({ state }) => state === "active")
          .map(({ id, name }) => [id, name === id ? id : `${name} (${id})`]),
      },
      { onchange: ({ target }) => belongTo(members.find(({ id }) => id === target.value)) },
    );

  function belongTo(next) {
    owner = next;
    scopes.offer(grantable(owner, catalogue));
    fill(quota, tellQuota(owner));
  }
  fill(quota, tellQuota(owner));

  const keyOf = onceEach();
  const submit = async () => {
    if (!name.value.trim()) throw refuse("name", "Give it a name: in a year you will want to know what it was for.");
    const body = {
      name: name.value.trim(),
      note: note.value.trim() || undefined,
      owner: owner.id === me.member.id ? undefined : owner.id,
      scopes: scopes.value,
      allowed_addresses: readLines(addresses.value),
      ...ending(expiry.value),
    };
    // Sent again, it makes no second token.
    issued(await post("/v1/tokens", body, { key: keyOf(body) }));
  };
  return [
    quota,
    form({
      fields: [
        name,
        belongs,
        scopes,
        expiry,
        h("details", { class: "field" }, h("summary", {}, "Note and addresses"), note.element, addresses.element),
      ],
      nested: [note, addresses],
      action: "Generate token",
      submit,
    }),
  ];
}

/** Where no end is asked for, none is sent: the service takes the latest that may be. */
/** @param {{ expires_at?: string | null, expires_in?: number }} expiry */
function ending({ expires_at, expires_in }) {
  return { expires_at: expires_at ?? undefined, expires_in };
}

function tellQuota({ id, quota, live_tokens }) {
  if (quota === null) return null;
  const who = id === me.member.id ? "You have" : `${id} has`;
  const words = `${who} ${live_tokens.toLocaleString("en")} of ${quota.toLocaleString("en")} tokens.`;
  if (live_tokens < quota) return h("span", { class: "quiet" }, words);
  return notice("warn", h("p", {}, `${words} Revoke one first, or ask an admin to raise the quota.`));
}
