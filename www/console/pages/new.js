// The form for a new token.

import { all, get, post, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { idempotencyKeys } from "../lib/idempotency.js";
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
  return { title: "Create token", crumb: { text: "Tokens", href: "#/tokens" }, body: element };
}

function reveal(element, issued) {
  fill(element, issued.token ? shownOnce(issued) : shownBefore(issued));
  const title = document.querySelector("h1");
  title.textContent = issued.token ? "Token created" : "Token value not available";
  title.focus();
}

function newToken({ catalogue, member, own, members, issued }) {
  let owner = member;
  const quota = h("p", { class: "quota" });
  const name = textField(
    { name: "name", label: "Name", hint: "The program or person that will use the token." },
    { maxlength: 200, required: true },
  );
  const note = textField(
    { name: "note", label: "Note", hint: "Optional, for example whom to contact or where the token is stored." },
    { maxlength: 1000 },
  );
  const scopes = scopesField({ offered: grantable(owner, catalogue) });
  const expiry = expiryField(latestEnd({ workspace: me.workspace, own, grants: may("tokens:grant") }));
  const addresses = areaField(
    {
      name: "allowed_addresses",
      label: "Allowed IP addresses",
      hint: "One IP address or CIDR range per line, for example 192.0.2.0/24. Leave empty to allow any address.",
    },
    { rows: 2 },
  );
  const ownerField =
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
      { onchange: ({ target }) => setOwner(members.find(({ id }) => id === target.value)) },
    );

  function setOwner(next) {
    owner = next;
    scopes.offer(grantable(owner, catalogue));
    fill(quota, quotaText(owner));
  }
  fill(quota, quotaText(owner));

  const keyOf = idempotencyKeys();
  const submit = async () => {
    if (!name.value.trim()) throw refuse("name", "Enter a name that tells you later what the token is for.");
    const body = {
      name: name.value.trim(),
      note: note.value.trim() || undefined,
      owner: owner.id === me.member.id ? undefined : owner.id,
      scopes: scopes.value,
      allowed_addresses: readLines(addresses.value),
      ...expirationFields(expiry.value),
    };
    // With the same key, a repeated request creates no second token.
    issued(await post("/v1/tokens", body, { key: keyOf(body) }));
  };
  return [
    quota,
    form({
      fields: [
        name,
        ownerField,
        scopes,
        expiry,
        h(
          "details",
          { class: "field" },
          h("summary", {}, "Note and allowed IP addresses"),
          note.element,
          addresses.element,
        ),
      ],
      nested: [note, addresses],
      action: "Create token",
      submit,
    }),
  ];
}

/**
 * The expiration fields of the request. For "never" none is sent: the ledger then sets the latest allowed expiration.
 *
 * @param {{ expires_at?: string | null, expires_in?: number }} expiry
 */
function expirationFields({ expires_at, expires_in }) {
  return { expires_at: expires_at ?? undefined, expires_in };
}

function quotaText({ id, quota, live_tokens }) {
  if (quota === null) return null;
  const whose = id === me.member.id ? "Your live tokens" : `Live tokens of ${id}`;
  const words = `${whose}: ${live_tokens.toLocaleString("en")} of ${quota.toLocaleString("en")} allowed.`;
  if (live_tokens < quota) return h("span", { class: "quiet" }, words);
  return notice("warn", h("p", {}, `${words} Revoke a token first, or ask an admin to raise the quota.`));
}
