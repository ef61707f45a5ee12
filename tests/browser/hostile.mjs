// Hostile markup for every field that users can fill, and the pages that show these fields.

/** Markup that sets a global variable if it is ever parsed as HTML; `mark` identifies the field. */
const markup = (mark) => `<img src=x onerror="globalThis.broken='${mark}'">${mark}`;
/** The same for ids, which allow only visible ASCII characters; of the maximum length. */
const unspaced = (mark) => `<img/src=x/onerror="globalThis.broken='${mark}'">${mark}`.padEnd(128, "x");

/** The value for each field. */
export const FIELDS = {
  workspaceName: markup("workspace"),
  memberId: unspaced("member"),
  memberName: markup("member-name"),
  memberEmail: `${unspaced("email")}@acme.example`,
  memberSubject: markup("subject"),
  scopeDescription: markup("description"),
  clientId: unspaced("client"),
  clientName: markup("client-name"),
  tokenName: markup("token"),
  tokenNote: markup("note"),
  metadataKey: markup("key"),
  metadataValue: markup("value"),
  reason: markup("reason"),
};

/** The pages, each with its hash, its title, and the fields that it shows as text or in a form. */
export const PAGES = [
  { hash: () => "#/tokens", title: "Tokens", shows: ["workspaceName", "tokenName", "memberId", "memberName"] },
  {
    hash: ({ token }) => `#/tokens/${token.id}`,
    title: FIELDS.tokenName,
    shows: ["tokenName", "tokenNote", "memberId", "metadataKey", "metadataValue", "clientId", "scopeDescription"],
  },
  { hash: ({ revoked }) => `#/tokens/${revoked.id}`, title: "revoked", shows: ["reason"] },
  { hash: () => "#/new", title: "Create token", shows: ["scopeDescription", "memberId", "memberName"] },
  { hash: () => "#/sessions", title: "Sessions", shows: ["memberId"] },
  { hash: () => "#/members", title: "Members", shows: ["memberId", "memberName"] },
  {
    hash: () => `#/members/${encodeURIComponent(FIELDS.memberId)}`,
    title: FIELDS.memberName,
    shows: ["memberId", "memberEmail", "memberSubject", "scopeDescription"],
  },
  { hash: () => "#/new-member", title: "Add member", shows: ["scopeDescription"] },
  { hash: () => "#/clients", title: "Clients", shows: ["clientId", "clientName"] },
  { hash: () => "#/scopes", title: "Scopes", shows: ["scopeDescription"] },
  { hash: () => "#/settings", title: "Settings", shows: ["workspaceName"] },
  { hash: () => "#/audit", title: "Audit log", shows: ["tokenName", "memberName", "clientId", "reason"] },
  { hash: () => `#/audit?subject=${encodeURIComponent(FIELDS.clientId)}`, title: "Audit log", shows: ["clientId"] },
  { hash: () => `#/members?q=${encodeURIComponent(FIELDS.memberName)}`, title: "Members", shows: ["memberName"] },
  { hash: () => `#/members/${encodeURIComponent(FIELDS.tokenName)}`, title: "Not found", shows: [] },
  { hash: () => `#/${encodeURIComponent(FIELDS.tokenName)}`, title: "Page not found", shows: [] },
];

/** Fills all fields. Returns `{ who, token, revoked }`; `who` is an admin whose own name is markup too. */
export async function fill({ admin }) {
  const { scopes } = await admin.expect(200, "GET", "/v1/scopes");
  const described = { name: "hostile:scope", description: FIELDS.scopeDescription };
  await admin.expect(200, "PUT", "/v1/scopes", { scopes: [...scopes, described] });
  await admin.expect(200, "PATCH", "/v1/workspace", { name: FIELDS.workspaceName });
  const member = {
    id: FIELDS.memberId,
    name: FIELDS.memberName,
    email: FIELDS.memberEmail,
    subject: FIELDS.memberSubject,
    role: "admin",
    grants: ["*"],
  };
  await admin.expect(201, "POST", "/v1/members", member);
  await admin.expect(201, "POST", "/v1/clients", {
    id: FIELDS.clientId,
    name: FIELDS.clientName,
    permissions: ["orders:read"],
  });
  const owner = FIELDS.memberId;
  const signsIn = await admin.issue({ name: "signs in", owner, scopes: ["*"] });
  const token = await admin.issue({
    name: FIELDS.tokenName,
    note: FIELDS.tokenNote,
    owner,
    scopes: ["orders:read"],
    client_id: FIELDS.clientId,
    metadata: { [FIELDS.metadataKey]: FIELDS.metadataValue },
  });
  const revoked = await admin.issue({ name: "revoked", owner, scopes: [] });
  await admin.expect(200, "DELETE", `/v1/tokens/${revoked.id}?reason=${encodeURIComponent(FIELDS.reason)}`);
  return { who: admin.as(signsIn.token), token, revoked };
}
