// Audit log entries as sentences. Entries hold ids; the caller resolves them to names.

import { duration, exact } from "./time.js";

/**
 * The sentence of an entry, in pieces: texts, and references `{ kind, id }` to the actor and the subject.
 * `kind` is `actor`, `token`, `member`, `number` (of a member), `client` or `session`.
 */
export function sentence(entry) {
  const { action } = entry;
  return Object.hasOwn(SENTENCES, action)
    ? SENTENCES[action](entry)
    : [actor(entry), ` performed ${action} on ${entry.subject}`];
}

/** The details of an entry, one text each. */
export function details(entry) {
  const { action } = entry;
  return (Object.hasOwn(DETAILS, action) ? DETAILS[action](entry) : differences(entry)).filter(Boolean);
}

/**
 * The sentence and the details as one text.
 *
 * @param {(reference: {kind: string, id: string | number}) => string} name returns the name for a reference
 */
export function entryText(entry, name) {
  const text = sentence(entry)
    .map((piece) => (typeof piece === "string" ? piece : name(piece)))
    .join("");
  return [text, ...details(entry)].join("; ");
}

/** The references in these entries, without duplicates. */
export function references(entries) {
  const all = entries.flatMap(sentence).filter((piece) => typeof piece !== "string");
  return [...new Map(all.map((one) => [`${one.kind} ${one.id}`, one])).values()];
}

/** Labels for the kinds of subjects; the part of an action before the dot. */
export const KINDS = {
  token: "Tokens",
  member: "Members",
  client: "Clients",
  scopes: "Scope catalogue",
  session: "Sessions",
  workspace: "Workspace",
};

const SENTENCES = {
  "token.create": (entry) => [actor(entry), " created ", subject("token", entry), ...forOwner(entry)],
  "token.import": (entry) => [actor(entry), " imported ", subject("token", entry), ...forOwner(entry)],
  "token.update": (entry) => [actor(entry), ` ${verbs(entry, TOKEN_VERBS, TOKEN_FIELDS)} `, subject("token", entry)],
  "token.rotate": (entry) => [actor(entry), " rotated ", subject("token", entry)],
  "token.revoke": (entry) => [actor(entry), " revoked ", subject("token", entry)],
  "token.revoke_text": (entry) => [actor(entry), " revoked a previous value of ", subject("token", entry)],
  "member.create": (entry) => [
    actor(entry),
    " added ",
    subject("member", entry),
    entry.after?.role === "admin" ? " as an admin" : " as a member",
  ],
  "member.update": (entry) => [
    actor(entry),
    ` ${verbs(entry, MEMBER_VERBS, MEMBER_FIELDS)} `,
    subject("member", entry),
  ],
  "member.erase": (entry) => [
    actor(entry),
    ` erased the member ${entry.subject} and revoked ${tokens(entry.after?.revoked)}`,
  ],
  "client.create": (entry) => [actor(entry), " created the client ", subject("client", entry)],
  "client.delete": (entry) => [actor(entry), " deleted the client ", subject("client", entry)],
  "scopes.replace": (entry) => [actor(entry), " changed the scope catalogue"],
  "session.create": signedIn,
  "session.refuse": (entry) => [`Sign-in through ${entry.after?.issuer} failed`],
  "session.end": (entry) =>
    entry.actor === entry.subject
      ? [actor(entry), " signed out"]
      : [actor(entry), " ended a session of ", subject("session", entry)],
  "workspace.create": (entry) => [actor(entry), ` created the workspace ${entry.after?.workspace?.slug ?? ""}`],
  "workspace.update": (entry) => [actor(entry), " changed the settings"],
  "workspace.suspend": (entry) => [actor(entry), " suspended the workspace and all its tokens"],
  "workspace.resume": (entry) => [actor(entry), " resumed the workspace"],
  "workspace.delete": (entry) => [actor(entry), " deleted the workspace"],
};

const DETAILS = {
  "token.create": tokenDetails,
  "token.import": tokenDetails,
  "token.rotate": ({ at, after }) => {
    const end = after?.previous_valid_until;
    const ended = after?.previous_ended;
    return [
      end && new Date(end) > new Date(at)
        ? `previous value valid until ${exact(end)}`
        : "previous value rejected immediately",
      isSet(ended) && `earlier values ended: ${ended}`,
    ];
  },
  "token.revoke": ({ after }) => [after?.reason && `reason: ${after.reason}`],
  "token.revoke_text": ({ after }) => [after?.reason && `reason: ${after.reason}`],
  "member.create": ({ after }) => [
    scopes("granted scopes", after?.grants),
    isSet(after?.quota) && `quota: ${after.quota}`,
  ],
  "member.erase": () => [],
  "client.create": ({ after }) => [scopes("default scopes", after?.permissions)],
  "client.delete": () => [],
  "scopes.replace": catalogueChanges,
  "session.create": ({ after }) => [
    after?.expires_at && `expires ${exact(after.expires_at)}`,
    after?.ended && "session limit reached: the member's oldest session was ended",
  ],
  "session.refuse": ({ after }) => [
    Object.hasOwn(SIGN_IN_ERRORS, after?.reason) ? SIGN_IN_ERRORS[after.reason] : after?.reason,
  ],
  "workspace.create": () => [],
};

/** Why a sign-in was rejected although the identity provider's ID token was signed correctly. */
const SIGN_IN_ERRORS = {
  token_expired: "the ID token had expired",
  token_unfit: "the ID token is not valid for this workspace",
  other_flow: "the ID token belongs to another sign-in",
  workspace_suspended: "the workspace is suspended",
  email_missing: "the ID token has no email address",
  email_not_verified: "the identity provider does not confirm that the email address is verified",
  subject_undecided: "no identity provider is selected for the member's subject",
  no_member: "no member has this email address or subject",
  member_suspended: "the member is suspended",
  several_members: "several active members have this email address",
};

/** Verbs for fields whose change has a verb of its own: `to` takes the subject directly, `of` needs "of" before it. */
const TOKEN_VERBS = {
  enabled: { to: (now) => (now ? "enabled" : "disabled") },
  name: { to: () => "renamed" },
};
const MEMBER_VERBS = {
  suspended: { to: (now) => (now ? "suspended" : "reactivated") },
  role: { to: (now) => (now === "admin" ? "promoted" : "demoted") },
  revoked: { of: (count) => `revoked ${tokens(count)}` },
};
const TOKEN_FIELDS = {
  scopes: "scopes",
  expires_at: "expiration",
  not_before: "start time",
  allowed_addresses: "allowed IP addresses",
  note: "note",
  metadata: "metadata",
};
const MEMBER_FIELDS = {
  grants: "granted scopes",
  quota: "quota",
  name: "name",
  email: "email address",
  subject: "subject",
  subject_issuer: "identity provider",
};

/** Labels of the settings. */
const SETTINGS = {
  name: "name",
  prefix: "token prefix",
  default_quota: "default token quota",
  max_lifetime: "maximum token lifetime",
  session_length: "session duration",
  lease_max: "verifier lease duration",
  snapshot_max: "snapshot validity",
  audit_retention_days: "audit log retention (days)",
  allowed_origins: "allowed origins",
  hosts: "hosts",
  identity_providers: "identity providers",
};

/** Fields that are left out of the details: the sentence already says them, or they follow from other fields. */
const OMITTED = new Set([
  "enabled",
  "state",
  "effective_scopes",
  "suspended",
  "suspended_by_admin",
  "revoked",
  "revoked_before",
]);

function actor({ actor }) {
  return { kind: "actor", id: actor };
}

function subject(kind, { subject }) {
  return { kind, id: subject };
}

function forOwner({ after }) {
  const owner = after?.owner?.id;
  return owner === undefined ? [] : [" for ", { kind: "member", id: owner }];
}

function signedIn(entry) {
  const { actor: by, after } = entry;
  if (by !== "sign_in") return [actor(entry), " signed in"];
  return [{ kind: "number", id: after?.member }, ` signed in through ${after?.issuer}`];
}

/** `renamed and changed the scopes and note of` */
function verbs({ after }, special, fields) {
  const has = (field) => Object.hasOwn(after ?? {}, field);
  const done = (how) =>
    Object.entries(special)
      .filter(([field, verb]) => has(field) && verb[how])
      .map(([field, verb]) => verb[how](after[field]));
  const changed = Object.entries(fields)
    .filter(([field]) => has(field))
    .map(([, word]) => word);
  const of = [...done("of"), ...(changed.length > 0 ? [`changed the ${list(changed)}`] : [])];
  const all = [...done("to"), ...of];
  return all.length === 0 ? "changed" : `${list(all)}${of.length > 0 ? " of" : ""}`;
}

function tokenDetails({ after }) {
  if (!after) return [];
  return [
    scopes("scopes", after.scopes),
    after.expires_at ? `expires ${exact(after.expires_at)}` : "never expires",
    after.allowed_addresses?.length > 0 && `allowed IP addresses: ${list(after.allowed_addresses)}`,
    after.client_id && `client: ${after.client_id}`,
  ];
}

/** The old and new values of the changed fields. */
function differences({ before, after }) {
  return Object.keys(after ?? {})
    .filter((field) => !OMITTED.has(field))
    .map((field) => difference(field, before?.[field], after[field]));
}

function difference(field, was, is) {
  const word = { role: "role", ...TOKEN_FIELDS, ...MEMBER_FIELDS, ...SETTINGS }[field];
  // Of free texts the audit log keeps only that they changed.
  if (!word || was === "…" || is === "…") return null;
  if (Array.isArray(was) && Array.isArray(is)) return `${word}: ${listDifference(was.map(value), is.map(value))}`;
  return `${word}: ${valueText(field, was)} → ${valueText(field, is)}`;
}

function valueText(field, of) {
  if (!isSet(of))
    return (
      { quota: "default", expires_at: "never", max_lifetime: "no limit", audit_retention_days: "no limit" }[field] ??
      "none"
    );
  if (field === "expires_at" || field === "not_before") return exact(of);
  if (["max_lifetime", "session_length", "lease_max", "snapshot_max"].includes(field)) return duration(of);
  return value(of);
}

function value(of) {
  if (typeof of !== "object" || of === null) return String(of);
  return of.issuer ?? JSON.stringify(of);
}

/** What was added to a list and what was removed. */
function listDifference(was, is) {
  const [before, after] = [new Set(was), new Set(is)];
  const added = is.filter((one) => !before.has(one));
  const removed = was.filter((one) => !after.has(one));
  const parts = [added.length > 0 && `added ${list(added)}`, removed.length > 0 && `removed ${list(removed)}`].filter(
    Boolean,
  );
  return parts.join(", ") || "changed";
}

function catalogueChanges({ before, after }) {
  const names = (entries) => (entries ?? []).map(({ name }) => name);
  const [was, is] = [new Set(names(before)), new Set(names(after))];
  const say = (word, some) => some.length > 0 && `${word} ${list(some)}`;
  return [
    say(
      "added",
      [...is].filter((name) => !was.has(name)),
    ),
    say(
      "removed",
      [...was].filter((name) => !is.has(name)),
    ),
    say(
      "changed",
      [...is].filter((name) => was.has(name)),
    ),
  ];
}

function scopes(word, names) {
  if (!names) return null;
  return `${word}: ${names.length > 0 ? list(names) : "none"}`;
}

function tokens(count) {
  return count === 1 ? "1 token" : `${count ?? "all"} tokens`;
}

/** `a`, `a and b`, `a, b and c` */
function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function isSet(of) {
  return of !== null && of !== undefined;
}
