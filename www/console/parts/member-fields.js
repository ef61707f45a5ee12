// The form fields of a member, for adding and for editing one.

import { isAdmin, me } from "../lib/session.js";
import { refuse, selectField, textField } from "./form.js";
import { grantsField } from "./grants.js";

/** The issuers of the identity providers that identify members by subject, without duplicates. */
export function subjectIssuers() {
  const providers = me.workspace.identity_providers.filter(({ member_by }) => member_by === "subject");
  return [...new Set(providers.map(({ issuer }) => issuer))];
}

const ROLES = [
  ["member", "Member: manages their own tokens"],
  ["admin", "Admin: manages all members' tokens"],
];

/**
 * The fields: `list` for a form, `all()` with the values for a new member, and `changes()` with the changed values only.
 *
 * @param {object} about
 * @param {Array<{name: string, description: string}>} about.catalogue
 * @param {Member} [about.member] absent for a new member
 */
export function memberFields({ catalogue, member }) {
  const standard = me.workspace.default_quota.toLocaleString("en");
  const id =
    !member &&
    textField(
      {
        name: "id",
        label: "ID",
        hint: "Identifies the member in the API, for example ada. ASCII characters without spaces; cannot be changed later.",
      },
      { maxlength: 128, required: true, autocapitalize: "none" },
    );
  const name = textField({ name: "name", label: "Name", value: member?.name }, { maxlength: 200, required: true });
  const email = textField(
    { name: "email", label: "Email address", hint: "Optional.", value: member?.email },
    { maxlength: 254, inputmode: "email" },
  );
  const subject = textField(
    {
      name: "subject",
      label: "Subject",
      hint: "Optional. The member's sub claim at the identity provider.",
      value: member?.subject,
    },
    { maxlength: 255, autocapitalize: "none" },
  );
  const provider = providerOf(member);
  const roles = isAdmin() || member?.role === "admin" ? ROLES : ROLES.slice(0, 1);
  const role = selectField({ name: "role", label: "Role", value: member?.role ?? "member", choices: roles });
  const grants = grantsField({
    name: "grants",
    label: "Granted scopes",
    hint: "The most that this member's tokens can be given. Removing a scope here removes it from the effective scopes of all their tokens.",
    catalogue,
    chosen: member?.grants ?? [],
  });
  const quota = textField(
    {
      name: "quota",
      label: "Quota",
      hint: `Maximum live tokens (neither revoked nor expired). Leave empty for the workspace default, ${standard}.`,
      value: member && String(member.quota),
    },
    { inputmode: "numeric", maxlength: 9 },
  );

  const readQuota = () => {
    const text = quota.value.trim();
    if (text && !/^\d+$/.test(text)) throw refuse("quota", "Enter a whole number.");
    return text ? Number(text) : null;
  };
  const read = () => {
    if (!name.value.trim()) throw refuse("name", "Enter a name.");
    return {
      name: name.value.trim(),
      email: email.value.trim() || null,
      subject: subject.value.trim() || null,
      ...(provider && subject.value.trim() && { subject_issuer: provider.value || null }),
      role: role.value,
      grants: grants.value,
      quota: readQuota(),
    };
  };
  return {
    list: [id, name, email, subject, provider, role, grants, quota].filter(Boolean),
    all() {
      if (!id.value.trim()) throw refuse("id", "Enter an ID.");
      return withProvider({ id: id.value.trim(), ...read() });
    },
    changes() {
      const all = read();
      const changed = Object.fromEntries(
        Object.entries(all).filter(([field, value]) => !same(value, member[field] ?? null)),
      );
      // A subject is only meaningful together with its provider.
      if (changed.subject && provider) changed.subject_issuer = all.subject_issuer;
      return withProvider(changed);
    },
  };
}

/** The field for the subject's identity provider; null if there is no choice. */
function providerOf(member) {
  const known = member?.subject_issuer ?? null;
  const issuers = subjectIssuers();
  const is = known ?? (member?.subject || issuers.length !== 1 ? "" : issuers[0]);
  if (issuers.length === 0 || (issuers.length === 1 && is === issuers[0])) return null;
  const choices = [...new Set([...(known ? [known] : []), ...issuers])].map((issuer) => [issuer, issuer]);
  return selectField({
    name: "subject_issuer",
    label: "Identity provider of the subject",
    value: is,
    hint: "The subject is accepted only from this provider.",
    choices: known ? choices : [["", "Select a provider"], ...choices],
  });
}

/** Returns the body; throws if a subject has no identity provider selected. */
function withProvider(body) {
  if (body.subject_issuer === null)
    throw refuse("subject_issuer", "Select the identity provider that this subject belongs to.");
  return body;
}

/** Whether two values are equal; the order of lists does not matter. */
function same(one, other) {
  if (!Array.isArray(one)) return one === other;
  return one.length === other.length && one.every((item) => other.includes(item));
}
