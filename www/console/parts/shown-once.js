// A token's text, which is shown this once: the ticket that is given away, and the counterfoil that is kept.

import { h } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { go, guardWith } from "../lib/router.js";
import { at } from "../lib/time.js";
import { confirm } from "./dialog.js";
import { notice } from "./states.js";
import { toast } from "./toast.js";
import { nameOf, pageOf } from "./token.js";

/**
 * Shows it, and lets nobody leave the page by accident before it was copied or saved.
 *
 * @param {IssuedToken} issued
 */
export function shownOnce(issued) {
  let taken = false;
  const take = (how) => {
    taken = true;
    guardWith(null);
    toast(how);
  };
  const ask = () =>
    confirm({
      title: "Leave without the token?",
      body: [
        h(
          "p",
          {},
          `The token “${nameOf(issued)}” was neither copied nor saved. It cannot be shown again: without it you would have to rotate the token.`,
        ),
      ],
      action: "Leave without it",
      keep: "Stay here",
      danger: true,
    });
  guardWith(ask);
  const leave = async () => {
    if (taken || (await ask())) go(pageOf(issued));
  };
  const field = h("textarea", {
    class: "secret",
    "aria-label": "The token",
    rows: 2,
    readonly: true,
    spellcheck: "false",
    onfocus: () => field.select(),
  });
  field.value = issued.token;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(issued.token);
      take("The token is copied.");
    } catch {
      // No clipboard, or none for this page: what is selected can be copied by hand.
      field.focus();
      toast("It could not be copied. It is selected: copy it by hand.");
    }
  };
  field.addEventListener("copy", () => take("The token is copied."));
  const save = () => {
    download(`${variable(issued)}.env`, `${variable(issued)}=${issued.token}\n`);
    take("The .env file is saved.");
  };
  return h(
    "div",
    { class: "shown-once" },
    h(
      "div",
      { class: "ticket" },
      h(
        "section",
        {},
        h("h2", {}, "The ticket, for its bearer"),
        notice("warn", h("p", {}, "Copy it now. It is shown this once and stored nowhere: nobody can show it again.")),
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
        h("h2", {}, "The counterfoil, kept here"),
        h(
          "dl",
          { class: "facts" },
          h("dt", {}, "Name"),
          h("dd", {}, nameOf(issued)),
          h("dt", {}, "Hint"),
          h("dd", {}, h("code", {}, issued.hint)),
          h("dt", {}, "Ends"),
          h("dd", {}, issued.expires_at ? at(issued.expires_at) : "never"),
          issued.previous_valid_until && [
            h("dt", {}, "The old text works until"),
            h("dd", {}, at(issued.previous_valid_until)),
          ],
          h("dt", {}, "SHA-256"),
          h("dd", {}, h("code", {}, issued.digest)),
        ),
      ),
    ),
  );
}

/** A name for the token's variable: `Nightly export` becomes `NIGHTLY_EXPORT_TOKEN`. */
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

/** What stands in its place where the answer with the text never came. */
export function shownBefore(issued) {
  return notice(
    "warn",
    h(
      "p",
      {},
      "The token was made, but its text was in an answer that did not arrive here, and nobody can show it again.",
    ),
    h("p", {}, h("a", { href: pageOf(issued) }, "Go to the token"), " and rotate it to get another text."),
  );
}
