// Which page a hash leads to, and that nobody leaves one by accident.

/** The page's place: `#/tokens/tok_1?x=y` is the path `/tokens/tok_1` with a query. */
function place() {
  const [path, query] = location.hash.slice(1).split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
}

/** The route that a path takes, with what `:id` stands for; null where there is none. */
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

/** Asks whether the page may be left; null while nothing would be lost. */
let guard = null;
/** Whether it is asking just now. */
let asking = false;
/** The hash of the page that is shown. */
let shown = "";
/** @type {(place: { path: string, query: URLSearchParams }) => void} */
let show = () => {};

/** Begins to follow the hash: `render` shows the page of a place. */
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

/** Shows the page of the present place anew. */
export function reload() {
  enter();
}

/** Goes to a place, or shows it anew. */
export function go(hash) {
  if (location.hash === hash) enter();
  else location.hash = hash;
}

/** From now on `ask`, which answers a promise of yes or no, decides whether the page may be left; null lifts that. */
export function guardWith(ask) {
  guard = ask;
}

/** Says in the address what the page shows now, without leaving it. */
export function rename(hash) {
  history.replaceState(null, "", hash);
  shown = location.hash;
}
