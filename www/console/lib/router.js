// Routing by hash, and the confirmation before a page with unsaved work is left.

/** The current path and query: `#/tokens/tok_1?x=y` has the path `/tokens/tok_1`. */
function place() {
  const [path, query] = location.hash.slice(1).split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
}

/** The route of a path, with the value of `:id`; null if there is none. */
export function match(routes, path) {
  for (const route of routes) {
    const [head, hasId] = [route.path.replace("/:id", ""), route.path.endsWith("/:id")];
    if (!hasId && path === route.path) return { route };
    const id = hasId && path.startsWith(`${head}/`) && decoded(path.slice(head.length + 1));
    if (id) return { route, id };
  }
  return null;
}

function decoded(text) {
  try {
    return text.includes("/") ? null : decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Asks whether the page may be left; null if nothing would be lost. */
let guard = null;
/** Whether that question is open. */
let asking = false;
/** The hash of the current page. */
let shown = "";
/** @type {(place: { path: string, query: URLSearchParams }) => void} */
let show = () => {};

/** Starts routing: `render` shows the page for a path and query. */
export function follow(render) {
  show = render;
  addEventListener("hashchange", arrive);
  addEventListener("beforeunload", (event) => guard && event.preventDefault());
  enter();
}

async function arrive() {
  const target = location.hash;
  if (target === shown) return;
  if (!guard) return enter();
  history.pushState(null, "", shown || "#/");
  if (asking) return;
  asking = true;
  const leaves = await guard().finally(() => (asking = false));
  if (!leaves) return;
  guard = null;
  location.hash = target;
}

function enter() {
  guard = null;
  shown = location.hash;
  show(place());
}

/** Renders the current page again. */
export function reload() {
  enter();
}

/** Navigates to a hash; renders it again if it is the current one. */
export function go(hash) {
  if (location.hash === hash) enter();
  else location.hash = hash;
}

/** Sets the function that decides whether the page may be left, by a promise of a boolean; null removes it. */
export function confirmLeaving(ask) {
  guard = ask;
}

/** Replaces the hash in the address bar without leaving the page. */
export function rename(hash) {
  history.replaceState(null, "", hash);
  shown = location.hash;
}
