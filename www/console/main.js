// The console's shell: header, navigation, routing and sign-in state.

import { onSessionEnd } from "./lib/api.js";
import { fill, h } from "./lib/dom.js";
import { follow, go, match, reload } from "./lib/router.js";
import { load, may, me, signOut } from "./lib/session.js";
import { signInAgain } from "./parts/sign-in-again.js";
import { empty, failure, loading } from "./parts/states.js";
import { HOME, routes } from "./routes.js";

/** How long the previous page stays visible while the next one loads, in milliseconds. */
const LOADING_DELAY = 200;

const main = h("main", { id: "main", tabindex: "-1" });
const sidebar = h("header", { class: "sidebar" });

/** The hash that was requested before sign-in; opened after it. */
let requestedHash = null;
/** Aborted when the current page is left. */
let current = new AbortController();
/** The path of the current page. */
let path = null;

await start();

async function start() {
  fill(document.body, h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to content"), sidebar, main);
  fill(main, h("p", { role: "status", class: "quiet" }, "Loading the console…"));
  try {
    await load();
  } catch (problem) {
    return fill(main, failure(problem, start));
  }
  onSessionEnd(() => signInAgain(leave));
  follow(render);
}

async function render(place) {
  const found = match(routes, place.path);
  if (!me && !found?.route.open) {
    requestedHash = location.hash || HOME;
    return location.replace("#/sign-in");
  }
  if (place.path === "/") return location.replace(HOME);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const first = path === null;
  const isNewPath = path !== place.path;
  renderSidebar(found?.route);
  main.setAttribute("aria-busy", "true");
  const timer = setTimeout(() => fill(main, loading("page")), first ? 0 : LOADING_DELAY);
  const page = await contentOf(found, { ...place, id: found?.id, signal, reload, signedIn });
  clearTimeout(timer);
  if (signal.aborted) return;
  path = place.path;
  renderPage(page);
  main.removeAttribute("aria-busy");
  // Screen reader and keyboard users need the focus on the new page, also if the focused element was removed.
  if (!first && (isNewPath || document.activeElement === document.body)) main.querySelector("h1").focus();
}

/** The content of a page, or an error page. */
async function contentOf(found, place) {
  if (!found)
    return {
      title: "Page not found",
      body: empty("This page does not exist", null, h("a", { class: "button", href: HOME }, "Go to tokens")),
    };
  const { needs } = found.route;
  if (needs && !may(needs)) {
    const text = `You need the ${needs} scope to view this page. Ask an admin of ${me.workspace.name}, or sign in with a token that has it.`;
    return { title: found.route.nav ?? "Access denied", body: empty("Access denied", text) };
  }
  try {
    const { show } = await found.route.load();
    return await show(place);
  } catch (problem) {
    if (place.signal.aborted) return null;
    return { title: problem.status === 404 ? "Not found" : "Page could not be loaded", body: failure(problem, reload) };
  }
}

/** Renders a page. */
function renderPage({ title, crumb, actions, body }) {
  document.title = [title, me?.workspace.name, "Counterfoil"].filter(Boolean).join(" · ");
  fill(
    main,
    h(
      "div",
      { class: "page-head" },
      h(
        "div",
        {},
        crumb && h("p", { class: "crumb" }, h("a", { href: crumb.href }, crumb.text)),
        h("h1", { tabindex: "-1" }, title),
      ),
      actions && h("div", { class: "actions" }, actions),
    ),
    body,
  );
}

/** Renders the header: navigation and signed-in member. */
function renderSidebar(route) {
  document.body.classList.toggle("signed-out", !me);
  /** @param {import("./routes.js").Route} route */
  const link = ({ path, nav }) =>
    h("li", {}, h("a", { href: `#${path}`, "aria-current": route && navPathOf(route) === path ? "page" : null }, nav));
  fill(
    sidebar,
    h("a", { class: "brand", href: me ? HOME : "#/sign-in" }, "Counterfoil"),
    me && h("p", { class: "workspace" }, me.workspace.name),
    me &&
      h(
        "nav",
        { "aria-label": "Main" },
        h("ul", {}, routes.filter(({ nav, needs }) => nav && (!needs || may(needs))).map(link)),
      ),
    me &&
      h(
        "div",
        { class: "person" },
        h("p", {}, me.member.name, h("small", {}, me.member.role === "admin" ? "admin" : me.member.id)),
        h("button", { type: "button", class: "button", onclick: () => leave(me.workspace.slug) }, "Sign out"),
      ),
  );
  // On narrow screens the navigation scrolls sideways: the current entry must be visible.
  sidebar.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** The navigation entry that a page belongs to, for example `/tokens` for `/tokens/tok_1`. */
function navPathOf({ path, within }) {
  return within ?? `/${path.split("/")[1]}`;
}

function skip(event) {
  event.preventDefault();
  main.focus();
}

/** Called after a successful sign-in: opens the requested page. */
async function signedIn() {
  await load();
  const next = requestedHash ?? HOME;
  requestedHash = null;
  go(next);
}

async function leave(slug) {
  await signOut();
  requestedHash = null;
  location.hash = `#/sign-in?workspace=${encodeURIComponent(slug)}`;
}
