// All pages: path, navigation label (`nav`), and access: `needs` names the required scope, `open` pages need no session.
//
// A page is a module with `show(place)`, which returns a promise of `{ title, crumb?, actions?, body }`. `place` has the
// route's `id`, the `query` of the hash, a `signal` that is aborted when the page is left, and `reload()`.

/**
 * @typedef {{ title: string, crumb?: { href: string, text: string }, actions?: unknown, body: unknown }} Page
 * @typedef {{ show(place: object): Promise<Page> }} Module
 * @typedef {{ path: string, load(): Promise<Module>, nav?: string, needs?: string, open?: boolean, within?: string }} Route
 */

/** @type {Route[]} */
export const routes = [
  { path: "/sign-in", load: () => import("./pages/sign-in.js"), open: true },
  { path: "/tokens", load: () => import("./pages/tokens.js"), nav: "Tokens", needs: "tokens:read" },
  { path: "/tokens/:id", load: () => import("./pages/token.js"), needs: "tokens:read" },
  { path: "/new", load: () => import("./pages/new.js"), needs: "tokens:write", within: "/tokens" },
  { path: "/check", load: () => import("./pages/check.js"), nav: "Check a token", open: true },
  { path: "/sessions", load: () => import("./pages/sessions.js"), nav: "Sessions", needs: "tokens:read" },
  { path: "/members", load: () => import("./pages/members.js"), nav: "Members", needs: "workspace:manage" },
  { path: "/members/:id", load: () => import("./pages/member.js"), needs: "workspace:manage" },
  { path: "/new-member", load: () => import("./pages/new-member.js"), needs: "workspace:manage", within: "/members" },
  { path: "/clients", load: () => import("./pages/clients.js"), nav: "Clients", needs: "workspace:manage" },
  { path: "/scopes", load: () => import("./pages/scopes.js"), nav: "Scopes", needs: "workspace:manage" },
  { path: "/settings", load: () => import("./pages/settings.js"), nav: "Settings", needs: "workspace:manage" },
  { path: "/audit", load: () => import("./pages/audit.js"), nav: "Audit log", needs: "audit:read" },
  { path: "/call", load: () => import("./pages/call.js"), nav: "API quickstart", open: true },
];

/** The default page. */
export const HOME = "#/tokens";
