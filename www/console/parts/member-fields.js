// The fields of a member, for one that is added and for one that is changed.

import { isAdmin, me } from "../lib/session.js";
import { refuse, selectField, textField } from "./form.js";
import { grantsField } from "./grants.js";

/** The issuers that know members by subject, each once. */
export function subjectIssuers() {
  const providers = me.workspace.identity_providers.filter(({ member_by }) => member_by === "subject");
  return [...new Set(providers.map(({ issuer }) => issuer))];
}

const ROLES = [
  ["member", "member: their own tokens"],
  ["admin", "admin: everybody's tokens"],
];

/**
 * The fields: `list` for a form, `all()` of what they hold, for a new member, and `changes()` to the one that there is.
 *
 * @param {object} about
 * @param {Array<{name: string, description: string}>} about.catalogue
 * @param {Member} [about.member] absent where it is new
 */
export function memberFields({ catalogue, member }) {
  const standard = me.workspace.default_quota.toLocaleString("en");
  const id =
    !member &&
    textField(
      {
        name: "id",
        label: "Id",
        hint: "What programs call them, such as ada: visible characters without spaces. It stays as it is.",
      },
      { maxlength: 128, required: true, autocapitalize: "none" },
    );
  const name = textField({ name: "name", label: "Name", value: member?.name }, { maxlength: 200, required: true });
  const email = textField(
    { name: "email", label: "E-mail address", hint: "May be left empty.", value: member?.email },
    { maxlength: 254, inputmode: "email" },
  );
  const subject = textField(
    {
      name: "subject",
      label: "Subject",
      hint: "Their sub at the identity provider; may be left empty.",
      value: member?.subject,
    },
    { maxlength: 255, autocapitalize: "none" },
  );
  const provider = providerOf(member);
  const roles = isAdmin() || member?.role === "admin" ? ROLES : ROLES.slice(0, 1);
  const role = selectField({ name: "role", label: "Role", value: member?.role ?? "member", choices: roles });
  const grants = grantsField({
    name: "grants",
    label: "Granted",
    hint: "What their tokens may be given at most. To take something away takes it from every token they have.",
    catalogue,
    chosen: member?.grants ?? [],
  });
  const quota = textField(
    {
      name: "quota",
      label: "Quota",
      hint: `How many live tokens they may have; ${standard}, as everybody, where empty.`,
      value: member && String(member.quota),
    },
    { inputmode: "numeric", maxlength: 9 },
  );

  const readQuota = () => {
    const text = quota.value.trim();
    if (text && !/^\d+$/.test(text)) throw refuse("quota", "A quota is a whole number.");
    return text ? Number(text) : null;
  };
  const read = () => {
    if (!name.value.trim()) throw refuse("name", "Give a name.");
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
      if (!id.value.trim()) throw refuse("id", "Give an id.");
      return decided({ id: id.value.trim(), ...read() });
    },
    changes() {
      const all = read();
      const changed = Object.fromEntries(
        Object.entries(all).filter(([field, value]) => !same(value, member[field] ?? null)),
      );
      // A subject is one provider's: they go together.
      if (changed.subject && provider) changed.subject_issuer = all.subject_issuer;
      return decided(changed);
    },
  };
}

/** Whose subject it is, where that is a question. */
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
    hint: "The subject is accepted from this provider only.",
    choices: known ? choices : [["", "Choose a provider"], ...choices],
  });
}

/** The same, unless a subject is given and nobody has said whose. */
function decided(body) {
  if (body.subject_issuer === null)
    throw refuse("subject_issuer", "Choose the identity provider that this subject belongs to.");
  return body;
}

/** Whether two values are the same; lists in whatever order. */
function same(one, other) {
  if (!Array.isArray(one)) return one === other;
  return one.length === other.length && one.every((item) => other.includes(item));
}
