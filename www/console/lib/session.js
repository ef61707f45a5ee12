// The signed-in member and the scopes of the session.

import { Problem, get, request, segment } from "./api.js";
import { covers } from "../verify/scopes.js";

/** `session`, `member` and `workspace` as the API returns them; null if no one is signed in. */
export let me = null;

/** For requests that may find no session: the user is not asked to sign in. */
const ONCE = { once: true };

/** Loads the session. Having none is not an error. */
export async function load() {
  const [session, workspace] = await Promise.all(
    ["/v1/session", "/v1/workspace"].map((path) =>
      get(path, {}, ONCE).catch((problem) => {
        if (problem.status === 401) return null;
        throw problem;
      }),
    ),
  );
  me = session && workspace ? { session, workspace, member: await self(session) } : null;
}

/** The signed-in member. Without the scope to read it, only the id is known. */
async function self({ member: { id } }) {
  return get(`/v1/members/${segment(id)}`, {}, ONCE).catch((problem) => {
    if (problem.status !== 403) throw problem;
    return { id, name: id, role: "member", grants: [], quota: null, live_tokens: null };
  });
}

/** Whether the session has this scope. Only decides what is shown: the API enforces it. */
export function may(scope) {
  return me !== null && covers(me.session.scopes, scope);
}

/** Whether the signed-in member is an admin, who can act on all members' tokens. */
export function isAdmin() {
  return me?.member.role === "admin";
}

/** The token that opened the session, which limits the tokens created in it; null after sign-in through a provider. */
export async function openedWith(signal) {
  const { created_by } = me.session;
  if (created_by === null) return null;
  return get(`/v1/tokens/${segment(created_by)}`, {}, { signal });
}

/** Opens a session with this token. Its value is sent once and not kept. */
export async function signIn(text) {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new Problem({
      code: "MALFORMED",
      title: "Not a token",
      detail: "This is not a token: it contains spaces or other characters that tokens never contain.",
    });
  }
  return request("POST", "/v1/session", { headers: { authorization: `Bearer ${text}` }, once: true });
}

/** Opens a session by the identity that Cloudflare Access asserts; false if it matches no active member. */
export async function signInByAccess(workspace) {
  return request("POST", "/v1/session", { body: { workspace }, once: true }).then(
    () => true,
    (problem) => {
      if (problem.status === 401) return false;
      throw problem;
    },
  );
}

/** Ends the session. That it has already ended is not an error. */
export async function signOut() {
  await request("DELETE", "/v1/session", { once: true }).catch((problem) => {
    if (problem.status !== 401) throw problem;
  });
  me = null;
}
