// Questions over the page. The browser's own dialog keeps the focus inside and gives it back.

import { h, uniqueId } from "../lib/dom.js";
import { form } from "./form.js";

/**
 * Opens a dialog: what it answers has `close()`. `closed`, where given, is told once it is gone.
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
  // Where `closedby` is not known, a second Escape would still close it: nobody types through two by accident.
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
 * Asks before something is done: a promise of whether it was. Where `run` is refused the dialog stays and says why.
 *
 * @param {object} about
 * @param {string} about.title
 * @param {Array<Node | string | import("./form.js").Field>} about.body what will happen; fields of `form.js` are part of the question
 * @param {string} about.action what the button says
 * @param {boolean} [about.danger]
 * @param {string} [about.keep] what the other button says
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
    // What takes something away is not done by a slip of the Enter key.
    if (danger) cancel.focus();
  });
}
