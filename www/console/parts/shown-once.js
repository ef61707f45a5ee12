// Shows a new token value, once, with what Counterfoil stores of the token.

import { h } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { go, confirmLeaving } from "../lib/router.js";
import { at } from "../lib/time.js";
import { confirm } from "./dialog.js";
import { notice } from "./states.js";
import { toast } from "./toast.js";
import { nameOf, pageOf } from "./token.js";

/**
 * Shows the value, and asks for confirmation if the page is left before the value was copied or saved.
 *
 * @param {IssuedToken} issued
 */
export function shownOnce(issued) {
  let taken = false;
  const take = (how) => {
    taken = true;
    confirmLeaving(null);
    toast(how);
  };
  const ask = () =>
    confirm({
      title: "Leave without copying the token?",
      body: [
        h(
          "p",
          {},
          `You have not copied or saved the value of “${nameOf(issued)}”. It can't be shown again. If you leave, you will have to rotate the token to get a new value.`,
        ),
      ],
      action: "Leave without copying",
      keep: "Stay on this page",
      danger: true,
    });
  confirmLeaving(ask);
  const leave = async () => {
    if (taken || (await ask())) go(pageOf(issued));
  };
  const field = h("textarea", {
    class: "secret",
    "aria-label": "Token value",
    rows: 2,
    readonly: true,
    spellcheck: "false",
    onfocus: () => field.select(),
  });
  field.value = issued.token;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(issued.token);
      take("Token copied.");
    } catch {
      // The clipboard is missing or not permitted: the user can copy the selected text.
      field.focus();
      toast("Copying failed. The token is selected: copy it with your keyboard.");
    }
  };
  field.addEventListener("copy", () => take("Token copied."));
  const save = () => {
    download(`${variable(issued)}.env`, `${variable(issued)}=${issued.token}\n`);
    take("Saved as .env file.");
  };
  return h(
    "div",
    { class: "shown-once" },
    h(
      "div",
      { class: "two-part" },
      h(
        "section",
        {},
        h("h2", {}, "Your new token"),
        notice("warn", h("p", {}, "Copy this token now. You won't be able to see it again.")),
        field,
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", class: "button primary", onclick: copy }, "Copy"),
          h("button", { type: "button", class: "button", onclick: save }, "Save as .env"),
          h("button", { type: "button", class: "button", onclick: leave }, "Done"),
        ),
      ),
      h(
        "section",
        {},
        h("h2", {}, "Details"),
        h(
          "dl",
          { class: "facts" },
          h("dt", {}, "Name"),
          h("dd", {}, nameOf(issued)),
          h("dt", {}, "Masked token"),
          h("dd", {}, h("code", {}, issued.hint)),
          h("dt", {}, "Expires"),
          h("dd", {}, issued.expires_at ? at(issued.expires_at) : "never"),
          issued.previous_valid_until && [
            h("dt", {}, "Previous value valid until"),
            h("dd", {}, at(issued.previous_valid_until)),
          ],
          h("dt", {}, "SHA-256"),
          h("dd", {}, h("code", {}, issued.digest)),
        ),
      ),
    ),
  );
}

/** The token's variable name in a .env file: `Nightly export` becomes `NIGHTLY_EXPORT_TOKEN`. */
export function variable(token) {
  const words =
    nameOf(token)
      .normalize("NFKD")
      .toUpperCase()
      .match(/[A-Z0-9]+/g) ?? [];
  const name = words
    .join("_")
    .slice(0, 60)
    .replace(/^(?=[0-9])/, "_");
  return name.endsWith("TOKEN") ? name : [name, "TOKEN"].filter(Boolean).join("_");
}

/** Shown instead if the response with the value was lost: a repeated request does not return the value. */
export function shownBefore(issued) {
  return notice(
    "warn",
    h(
      "p",
      {},
      "The token was created or rotated, but the response with its value was lost. The value can't be shown again.",
    ),
    h("p", {}, h("a", { href: pageOf(issued) }, "Go to the token"), " and rotate it to get a new value."),
  );
}
