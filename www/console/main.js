// The shell: what stands around every page, and which page stands in it.

import { whenSessionEnds } from "./lib/api.js";
import { fill, h } from "./lib/dom.js";
import { follow, go, match, reload } from "./lib/router.js";
import { load, may, me, signOut } from "./lib/session.js";
import { askAgain } from "./parts/again.js";
import { empty, failure, loading } from "./parts/states.js";
import { HOME, routes } from "./routes.js";

/** How long the last page stays while the next is fetched, in milliseconds. */
const PATIENCE = 200;

const main = h("main", { id: "main", tabindex: "-1" });
const stub = h("header", { class: "stub" });

/** Where somebody wanted to go before they had signed in. */
let wanted = null;
/** Ends with the page that is shown. */
let current = new AbortController();
/** The path of the page that is shown. */
let path = null;

await begin();

async function begin() {
  fill(document.body, h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the page"), stub, main);
  fill(main, h("p", { role: "status", class: "quiet" }, "Loading the console…"));
  try {
    await load();
  } catch (problem) {
    return fill(main, failure(problem, begin));
  }
  whenSessionEnds(() => askAgain(leave));
  follow(render);
}

async function render(place) {
  const found = match(routes, place.path);
  if (!me && !found?.route.open) {
    wanted = location.hash || HOME;
    return location.replace("#/sign-in");
  }
  if (place.path === "/") return location.replace(HOME);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const first = path === null;
  const arrives = path !== place.path;
  frame(found?.route);
  main.setAttribute("aria-busy", "true");
  const patience = setTimeout(() => fill(main, loading("the page")), first ? 0 : PATIENCE);
  const page = await shown(found, { ...place, id: found?.id, signal, reload, signedIn });
  clearTimeout(patience);
  if (signal.aborted) return;
  path = place.path;
  lay(page);
  main.removeAttribute("aria-busy");
  // Whoever reads or goes by the focus follows to what is new, also where what had the focus is gone.
  if (!first && (arrives || document.activeElement === document.body)) main.querySelector("h1").focus();
}

/** What a page shows, or why it shows nothing. */
async function shown(found, place) {
  if (!found)
    return {
      title: "There is no such page",
      body: empty("Nothing is here", null, h("a", { class: "button", href: HOME }, "To the tokens")),
    };
  const { needs } = found.route;
  if (needs && !may(needs)) {
    const text = `This page needs the scope ${needs}, which you have not signed in with. Ask an admin of ${me.workspace.name}, or sign in with a token that holds it.`;
    return { title: found.route.nav ?? "Not for you", body: empty("This is not open to you", text) };
  }
  try {
    const { show } = await found.route.load();
    return await show(place);
  } catch (problem) {
    if (place.signal.aborted) return null;
    return { title: problem.status === 404 ? "Not found" : "That did not work", body: failure(problem, reload) };
  }
}

/** Puts a page into the frame. */
function lay({ title, crumb, actions, body }) {
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

/** What stands beside the pages: where one can go, and who one is. */
function frame(route) {
  document.body.classList.toggle("signed-out", !me);
  /** @param {import("./routes.js").Route} route */
  const link = ({ path, nav }) =>
    h("li", {}, h("a", { href: `#${path}`, "aria-current": route && section(route) === path ? "page" : null }, nav));
  fill(
    stub,
    h("a", { class: "brand", href: me ? HOME : "#/sign-in" }, "Counterfoil"),
    me && h("p", { class: "workspace" }, me.workspace.name),
    me &&
      h(
        "nav",
        { "aria-label": "Pages of the console" },
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
  // Narrow screens do not show all of them at once.
  stub.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** The path in the navigation that a page is a part of: of `/tokens/tok_1` it is `/tokens`. */
function section({ path, within }) {
  return within ?? `/${path.split("/")[1]}`;
}

function skip(event) {
  event.preventDefault();
  main.focus();
}

/** What follows a sign-in. */
async function signedIn() {
  await load();
  const next = wanted ?? HOME;
  wanted = null;
  go(next);
}

async function leave(slug) {
  await signOut();
  wanted = null;
  location.hash = `#/sign-in?workspace=${encodeURIComponent(slug)}`;
}
