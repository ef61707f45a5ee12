// Modal dialogs. The browser's dialog element keeps the focus inside; closing it returns the focus.

import { h, uniqueId } from "../lib/dom.js";
import { form } from "./form.js";

/**
 * Opens a dialog and returns it with `close()`. `closed` is called after it has closed.
 *
 * @param {object} about
 * @param {string} about.title
 * @param {Array<Node|string>} about.body
 * @param {() => void} [about.closed]
 * @param {boolean} [about.firm] whether Escape does not close it
 */
export function openDialog({ title, body, closed, firm = false }) {
  const id = uniqueId("dialog");
  const before = document.activeElement;
  // Browsers without `closedby` still close it on a second Escape.
  const dialog = h("dialog", { "aria-labelledby": id, closedby: firm && "none" }, h("h2", { id }, title), body);
  dialog.addEventListener("cancel", (event) => firm && event.preventDefault());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { element: dialog, close: () => dialog.close() };
}

/**
 * Asks for confirmation. Returns a promise of whether the action was done. If `run` fails, the dialog stays open with the
 * error.
 *
 * @param {object} about
 * @param {string} about.title
 * @param {Array<Node | string | import("./form.js").Field>} about.body what will happen; may contain fields of `form.js`
 * @param {string} about.action label of the confirm button
 * @param {boolean} [about.danger]
 * @param {string} [about.keep] label of the cancel button
 * @param {() => Promise<unknown>} [about.run]
 */
export function confirm({ title, body, action, danger, keep = "Cancel", run = async () => {} }) {
  return new Promise((answer) => {
    let done = false;
    const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, keep);
    const submit = async () => {
      await run();
      done = true;
      dialog.close();
    };
    const asked = form({ fields: body, action, kind: danger ? "danger" : "primary", submit, beside: cancel });
    const dialog = openDialog({ title, body: [asked], closed: () => answer(done) });
    // Pressing Enter by accident must not do something destructive.
    if (danger) cancel.focus();
  });
}
