// What the guards that are written by hand share.

/** Sends a request to the origin as the gateway of examples/gateway-worker does, without the token. */
export function forward(request, { ORIGIN }) {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("authorization");
  return fetch(new Request(ORIGIN + pathname + search, request), { headers, redirect: "manual", cache: "no-store" });
}

/** The request's token, if it has one. */
export const tokenOf = (request) => /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
