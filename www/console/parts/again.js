// When a session ends under somebody's hands: they sign in again over the page, which keeps all that was typed.

import { Problem } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { load, me } from "../lib/session.js";
import { openDialog } from "./dialog.js";
import { form } from "./form.js";
import { providerForm, tokenForm } from "./sign-in.js";

/**
 * A promise that is kept once the same person is signed in again, and broken if they would rather leave.
 *
 * @param {(slug: string) => Promise<void>} leave signs out of the workspace
 * @returns {Promise<void>}
 */
export function askAgain(leave) {
  const { member, workspace } = me;
  return new Promise((resolve, reject) => {
    let again = false;
    const done = async () => {
      await load();
      if (!me) throw new Problem({ code: "NO_CREDENTIAL", title: "Nobody is signed in yet." });
      again = true;
      // What is on the page is not for somebody else's eyes.
      if (me.workspace.key !== workspace.key || me.member.id !== member.id) location.reload();
      dialog.close();
    };
    const closed = () => {
      if (again) return resolve();
      reject(
        new Problem({
          code: "NO_CREDENTIAL",
          title: "Your session is over.",
          detail: "Your session is over. Nothing was changed.",
        }),
      );
      leave(workspace.slug);
    };
    const dialog = openDialog({
      title: "Your session is over",
      body: [
        h(
          "p",
          {},
          `Sign in again as ${member.name} of ${workspace.name}. What you typed is still here, and what you asked for is done then.`,
        ),
        tokenForm(done),
        h(
          "details",
          {},
          h("summary", {}, "By an identity provider"),
          providerForm(done, { workspace: workspace.slug, aside: true }),
          form({ fields: [], action: "I have signed in", kind: "plain", submit: done }),
        ),
        h(
          "button",
          { type: "button", class: "button quiet", onclick: () => dialog.close() },
          "Leave this page and sign out",
        ),
      ],
      closed,
      firm: true,
    });
  });
}
