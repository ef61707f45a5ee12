// The audit in words: what an entry says, without knowing what anybody is called.

import { duration, exact } from "./time.js";

/**
 * What was done, as a sentence in pieces: texts, and references `{ kind, id }` to who did it and what it was done to.
 * `kind` is `actor`, `token`, `member`, `number` (a member's), `client` or `session`.
 */
export function tell(entry) {
  const { action } = entry;
  return Object.hasOwn(DEEDS, action) ? DEEDS[action](entry) : [actor(entry), ` did ${action} to ${entry.subject}`];
}

/** The particulars of it, one text each. */
export function particulars(entry) {
  const { action } = entry;
  return (Object.hasOwn(PARTICULARS, action) ? PARTICULARS[action](entry) : differences(entry)).filter(Boolean);
}

/**
 * All of it as one text.
 *
 * @param {(reference: {kind: string, id: string | number}) => string} name what somebody or something is called
 */
export function inWords(entry, name) {
  const said = tell(entry)
    .map((piece) => (typeof piece === "string" ? piece : name(piece)))
    .join("");
  return [said, ...particulars(entry)].join("; ");
}

/** Who and what these entries speak of, each once. */
export function references(entries) {
  const all = entries.flatMap(tell).filter((piece) => typeof piece !== "string");
  return [...new Map(all.map((one) => [`${one.kind} ${one.id}`, one])).values()];
}

/** The actions there are, by what they are done to. */
export const KINDS = {
  token: "Tokens",
  member: "Members",
  client: "Clients",
  scopes: "Scope catalogue",
  session: "Sessions",
  workspace: "Workspace",
};

const DEEDS = {
  "token.create": (entry) => [actor(entry), " issued ", subject("token", entry), ...forOwner(entry)],
  "token.import": (entry) => [actor(entry), " imported ", subject("token", entry), ...forOwner(entry)],
  "token.update": (entry) => [actor(entry), ` ${deeds(entry, TOKEN_DEEDS, TOKEN_FIELDS)} `, subject("token", entry)],
  "token.rotate": (entry) => [actor(entry), " gave ", subject("token", entry), " a new text"],
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
    ` ${deeds(entry, MEMBER_DEEDS, MEMBER_FIELDS)} `,
    subject("member", entry),
  ],
  "member.erase": (entry) => [
    actor(entry),
    ` removed the member ${entry.subject}, and revoked ${tokens(entry.after?.revoked)}`,
  ],
  "client.create": (entry) => [actor(entry), " added the client ", subject("client", entry)],
  "client.delete": (entry) => [actor(entry), " removed the client ", subject("client", entry)],
  "scopes.replace": (entry) => [actor(entry), " changed the scope catalogue"],
  "session.create": signedIn,
  "session.refuse": (entry) => [`Nobody was signed in by ${entry.after?.issuer}`],
  "session.end": (entry) =>
    entry.actor === entry.subject
      ? [actor(entry), " signed out"]
      : [actor(entry), " ended a session of ", subject("session", entry)],
  "workspace.create": (entry) => [actor(entry), ` made the workspace ${entry.after?.workspace?.slug ?? ""}`],
  "workspace.update": (entry) => [actor(entry), " changed the settings"],
  "workspace.suspend": (entry) => [actor(entry), " suspended the workspace, and with it all its tokens"],
  "workspace.resume": (entry) => [actor(entry), " resumed the workspace"],
  "workspace.delete": (entry) => [actor(entry), " deleted the workspace"],
};

const PARTICULARS = {
  "token.create": issued,
  "token.import": issued,
  "token.rotate": ({ at, after }) => {
    const end = after?.previous_valid_until;
    const ended = after?.previous_ended;
    return [
      end && new Date(end) > new Date(at) ? `the old text went on until ${exact(end)}` : "the old text ended at once",
      isKnown(ended) && `${ended} previous ended`,
    ];
  },
  "token.revoke": ({ after }) => [after?.reason && `reason: ${after.reason}`],
  "token.revoke_text": ({ after }) => [after?.reason && `reason: ${after.reason}`],
  "member.create": ({ after }) => [scopes("granted", after?.grants), isKnown(after?.quota) && `quota ${after.quota}`],
  "member.erase": () => [],
  "client.create": ({ after }) => [scopes("for", after?.permissions)],
  "client.delete": () => [],
  "scopes.replace": catalogue,
  "session.create": ({ after }) => [
    after?.expires_at && `until ${exact(after.expires_at)} at the latest`,
    after?.ended && "ended the oldest of the member's sessions: there were too many",
  ],
  "session.refuse": ({ after }) => [Object.hasOwn(REFUSALS, after?.reason) ? REFUSALS[after.reason] : after?.reason],
  "workspace.create": () => [],
};

/** Why somebody was not signed in whom a provider had vouched for. */
const REFUSALS = {
  token_expired: "the ID token had expired",
  token_unfit: "the ID token is not one for this workspace",
  other_flow: "the ID token belongs to another sign-in",
  workspace_suspended: "the workspace is suspended",
  email_missing: "the ID token has no e-mail address",
  email_not_verified: "the provider does not say that the e-mail address is verified",
  subject_undecided: "the member's subject is not bound to a provider yet",
  no_member: "no member has this e-mail address or subject",
  member_suspended: "the member is suspended",
  several_members: "several active members have this e-mail address",
};

/** What changing a field is called, where that is more than "changed": what is done to it, or `of` it. */
const TOKEN_DEEDS = {
  enabled: { to: (now) => (now ? "switched on" : "switched off") },
  name: { to: () => "renamed" },
};
const MEMBER_DEEDS = {
  suspended: { to: (now) => (now ? "suspended" : "reactivated") },
  role: { to: (now) => (now === "admin" ? "promoted" : "demoted") },
  revoked: { of: (count) => `revoked ${tokens(count)}` },
};
const TOKEN_FIELDS = {
  scopes: "scopes",
  expires_at: "expiry",
  not_before: "beginning",
  allowed_addresses: "addresses",
  note: "note",
  metadata: "metadata",
};
const MEMBER_FIELDS = {
  grants: "grants",
  quota: "quota",
  name: "name",
  email: "e-mail address",
  subject: "subject",
  subject_issuer: "identity provider",
};

/** What the settings are called. */
const SETTINGS = {
  name: "name",
  prefix: "prefix of new tokens",
  default_quota: "default quota",
  max_lifetime: "longest life of a token",
  session_length: "length of a session",
  lease_max: "lease of gateways",
  snapshot_max: "life of a snapshot",
  audit_retention_days: "days that the audit is kept",
  allowed_origins: "allowed origins",
  hosts: "hosts",
  identity_providers: "identity providers",
};

/** What is said elsewhere, or follows from what is said. */
const SAID = new Set([
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
  return [{ kind: "number", id: after?.member }, ` signed in by ${after?.issuer}`];
}

/** `renamed and changed the scopes and note of` */
function deeds({ after }, special, fields) {
  const has = (field) => Object.hasOwn(after ?? {}, field);
  const done = (how) =>
    Object.entries(special)
      .filter(([field, deed]) => has(field) && deed[how])
      .map(([field, deed]) => deed[how](after[field]));
  const changed = Object.entries(fields)
    .filter(([field]) => has(field))
    .map(([, word]) => word);
  const of = [...done("of"), ...(changed.length > 0 ? [`changed the ${list(changed)}`] : [])];
  const all = [...done("to"), ...of];
  return all.length === 0 ? "changed" : `${list(all)}${of.length > 0 ? " of" : ""}`;
}

function issued({ after }) {
  if (!after) return [];
  return [
    scopes("with", after.scopes),
    after.expires_at ? `until ${exact(after.expires_at)}` : "without end",
    after.allowed_addresses?.length > 0 && `from ${list(after.allowed_addresses)}`,
    after.client_id && `client ${after.client_id}`,
  ];
}

/** How the fields of a change differ. */
function differences({ before, after }) {
  return Object.keys(after ?? {})
    .filter((field) => !SAID.has(field))
    .map((field) => difference(field, before?.[field], after[field]));
}

function difference(field, was, is) {
  const word = { role: "role", ...TOKEN_FIELDS, ...MEMBER_FIELDS, ...SETTINGS }[field];
  // Of what people wrote, the audit keeps only that it has changed.
  if (!word || was === "…" || is === "…") return null;
  if (Array.isArray(was) && Array.isArray(is)) return `${word}: ${moved(was.map(value), is.map(value))}`;
  return `${word}: ${shown(field, was)} → ${shown(field, is)}`;
}

function shown(field, of) {
  if (!isKnown(of))
    return (
      { quota: "the default", expires_at: "never", max_lifetime: "any", audit_retention_days: "all" }[field] ?? "none"
    );
  if (field === "expires_at" || field === "not_before") return exact(of);
  if (["max_lifetime", "session_length", "lease_max", "snapshot_max"].includes(field)) return duration(of);
  return value(of);
}

function value(of) {
  if (typeof of !== "object" || of === null) return String(of);
  return of.issuer ?? JSON.stringify(of);
}

/** What was added to a list and what was taken away. */
function moved(was, is) {
  const [before, after] = [new Set(was), new Set(is)];
  const added = is.filter((one) => !before.has(one));
  const gone = was.filter((one) => !after.has(one));
  const parts = [added.length > 0 && `added ${list(added)}`, gone.length > 0 && `took away ${list(gone)}`].filter(
    Boolean,
  );
  return parts.join(", ") || "changed";
}

function catalogue({ before, after }) {
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
  return names.length > 0 ? `${word} ${list(names)}` : `${word} no scope`;
}

function tokens(count) {
  return count === 1 ? "1 token" : `${count ?? "all"} tokens`;
}

/** `a`, `a and b`, `a, b and c` */
function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function isKnown(of) {
  return of !== null && of !== undefined;
}
