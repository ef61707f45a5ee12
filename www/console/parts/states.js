// What stands where there is nothing to see: not yet, not at all, or not now.

import { h } from "../lib/dom.js";
import { reload } from "../lib/router.js";

/** While something is fetched. */
export function loading(what) {
  return h(
    "div",
    { class: "loading", role: "status" },
    h("span", { class: "visually-hidden" }, `Loading ${what}…`),
    Array.from({ length: 5 }, () => h("div", { class: "bone" })),
  );
}

/** There is none, and what to do about it. */
export function empty(title, text, action) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), text && h("p", {}, text), action);
}

/** Something was refused; `retry`, where given, tries again. */
export function failure(problem, retry) {
  if (problem.status === 412) return overtaken();
  if (!("code" in problem)) console.error(problem);
  return h(
    "div",
    { class: "notice bad" },
    h("p", {}, problem.detail ?? "This page has a mistake in it. Reload it; if it stays so, report it."),
    problem.code &&
      h(
        "p",
        { class: "fine" },
        problem.status > 0 && h("a", { href: `/docs/errors#${problem.code}` }, problem.code),
        problem.requestId && [" · request ", h("code", {}, problem.requestId)],
      ),
    retry && h("button", { type: "button", class: "button", onclick: retry }, "Try again"),
  );
}

/** Somebody else was faster: what they made of it must be seen first. */
function overtaken() {
  const anew = () => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    reload();
  };
  return h(
    "div",
    { class: "notice bad" },
    h("p", {}, "Somebody else has changed this since you opened the page. Nothing of yours was done."),
    h("button", { type: "button", class: "button", onclick: anew }, "Load it anew"),
  );
}

/** What somebody should know. `kind` is `info`, `good`, `warn` or `bad`. */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}` }, children);
}
