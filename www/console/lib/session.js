// Who is signed in, and what they may do.

import { Problem, get, request, segment } from "./api.js";
import { covers } from "../verify/scopes.js";

/** The signed-in person: `session`, `member` and `workspace` as the API shows them; null where there is none. */
export let me = null;

/** For questions to which "nobody" is an answer: nobody is asked to sign in. */
const ONCE = { once: true };

/** Looks who is signed in. Nobody is no error. */
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

/** The signed-in member. Whoever may not read tokens may not read this either: then only the id is known. */
async function self({ member: { id } }) {
  return get(`/v1/members/${segment(id)}`, {}, ONCE).catch((problem) => {
    if (problem.status !== 403) throw problem;
    return { id, name: id, role: "member", grants: [], quota: null, live_tokens: null };
  });
}

/** Whether the session holds this scope. Only a hint for what to show: the service decides. */
export function may(scope) {
  return me !== null && covers(me.session.scopes, scope);
}

/** Whether the signed-in person acts on everybody's tokens. */
export function isAdmin() {
  return me?.member.role === "admin";
}

/** The token that opened the session, which limits what is issued in it; null where an identity provider did. */
export async function openedWith(signal) {
  const { created_by } = me.session;
  if (created_by === null) return null;
  return get(`/v1/tokens/${segment(created_by)}`, {}, { signal });
}

/** Opens a session of this token. Its text is sent this once and kept nowhere. */
export async function signIn(text) {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new Problem({
      code: "MALFORMED",
      title: "No token",
      detail: "This is not a token: it holds spaces or other characters that no token has.",
    });
  }
  return request("POST", "/v1/session", { headers: { authorization: `Bearer ${text}` }, once: true });
}

/** Opens a session of whom Cloudflare Access has let through to here; false where it vouches for nobody who takes part. */
export async function signInByAccess(workspace) {
  return request("POST", "/v1/session", { body: { workspace }, once: true }).then(
    () => true,
    (problem) => {
      if (problem.status === 401) return false;
      throw problem;
    },
  );
}

/** Ends the session. One that is over already is as good. */
export async function signOut() {
  await request("DELETE", "/v1/session", { once: true }).catch((problem) => {
    if (problem.status !== 401) throw problem;
  });
  me = null;
}
