// Loading, empty and error states, and notices.

import { h } from "../lib/dom.js";
import { reload } from "../lib/router.js";

/** The placeholder while something loads. */
export function loading(what) {
  return h(
    "div",
    { class: "loading", role: "status" },
    h("span", { class: "visually-hidden" }, `Loading ${what}…`),
    Array.from({ length: 5 }, () => h("div", { class: "skeleton" })),
  );
}

/** The empty state: there is nothing, and what to do next. */
export function empty(title, text, action) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), text && h("p", {}, text), action);
}

/** An error; `retry`, if given, is run by a button. */
export function failure(problem, retry) {
  if (problem.status === 412) return concurrentChange();
  if (!("code" in problem)) console.error(problem);
  return h(
    "div",
    { class: "notice bad" },
    h(
      "p",
      {},
      problem.detail ?? "An unexpected error occurred on this page. Reload the page. If the error persists, report it.",
    ),
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

/** A concurrent change won: the user must see it before changing anything. */
function concurrentChange() {
  const refresh = () => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    reload();
  };
  return h(
    "div",
    { class: "notice bad" },
    h(
      "p",
      {},
      "Someone else changed this while you were editing. Your changes were not saved. Reload to see the current state.",
    ),
    h("button", { type: "button", class: "button", onclick: refresh }, "Reload"),
  );
}

/** A notice. `kind` is `info`, `good`, `warn` or `bad`. */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}` }, children);
}
