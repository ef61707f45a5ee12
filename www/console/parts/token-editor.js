// The form that edits a token.

import { get, patch, segment } from "../lib/api.js";
import { may, me, openedWith } from "../lib/session.js";
import { expiryField, latestEnd } from "./expiry.js";
import { areaField, form, textField } from "./form.js";
import { readLines } from "./lines.js";
import { isOwn } from "./revoke.js";
import { grantable, scopesField } from "./scopes.js";
import { toast } from "./toast.js";

/** The form. It sends only changed fields, and does not overwrite concurrent changes. */
export async function tokenEditor(token, { signal, reload }) {
  const own = isOwn(token);
  const [{ scopes: catalogue }, owner, presented] = await Promise.all([
    get("/v1/scopes", {}, { signal }),
    get(`/v1/members/${segment(token.owner.id)}`, {}, { signal }).catch(unknown),
    openedWith(signal),
  ]);
  const name = textField({ name: "name", label: "Name", value: token.name }, { maxlength: 200 });
  const note = areaField({ name: "note", label: "Note", value: token.note }, { maxlength: 1000 });
  const addresses =
    !own &&
    areaField(
      {
        name: "allowed_addresses",
        label: "Allowed IP addresses",
        value: token.allowed_addresses.join("\n"),
        hint: "One IP address or CIDR range per line, for example 192.0.2.0/24. Leave empty to allow any address.",
      },
      { rows: 2 },
    );
  const scopes = !own && scopesField({ offered: owner ? grantable(owner, catalogue) : [], chosen: token.scopes });
  const limit = latestEnd({
    workspace: me.workspace,
    own: presented,
    grants: may("tokens:grant"),
    issued: token.created_at,
  });
  const expiry = !own && expiryField({ ...limit, now: token.expires_at });

  const submit = async () => {
    const body = {
      ...(name.value.trim() !== token.name && { name: name.value.trim() }),
      ...(note.value.trim() !== (token.note ?? "") && { note: note.value.trim() || null }),
      ...(scopes && !same(scopes.value, token.scopes) && { scopes: scopes.value }),
      ...expiry?.value,
      ...(addresses &&
        !same(readLines(addresses.value), token.allowed_addresses) && {
          allowed_addresses: readLines(addresses.value),
        }),
    };
    if (Object.keys(body).length === 0) return toast("No changes to save.");
    await patch(`/v1/tokens/${segment(token.id)}`, body, { version: token.version });
    toast("Changes saved.");
    reload();
  };
  return form({ fields: [name, note, scopes, expiry, addresses].filter(Boolean), action: "Save changes", submit });
}

/** If the member may not see the token's owner, the owner's granted scopes are unknown. */
function unknown(problem) {
  if (problem.status !== 404 && problem.status !== 403) throw problem;
  return null;
}

/** Whether two lists have the same items, in any order. */
function same(one, other) {
  return one.length === other.length && one.every((item) => other.includes(item));
}
