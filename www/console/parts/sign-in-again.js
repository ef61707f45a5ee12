// The dialog that asks to sign in again after the session has ended. The page behind it keeps what was typed.

import { Problem } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { load, me } from "../lib/session.js";
import { openDialog } from "./dialog.js";
import { form } from "./form.js";
import { providerForm, tokenForm } from "./sign-in.js";

/**
 * A promise that resolves after the same member has signed in again, and rejects if the user leaves instead.
 *
 * @param {(slug: string) => Promise<void>} leave signs out of the workspace
 * @returns {Promise<void>}
 */
export function signInAgain(leave) {
  const { member, workspace } = me;
  return new Promise((resolve, reject) => {
    let again = false;
    const done = async () => {
      await load();
      if (!me) throw new Problem({ code: "NO_CREDENTIAL", title: "You are not signed in yet." });
      again = true;
      // Another member or workspace must not see the page of the previous one.
      if (me.workspace.key !== workspace.key || me.member.id !== member.id) location.reload();
      dialog.close();
    };
    const closed = () => {
      if (again) return resolve();
      reject(
        new Problem({
          code: "NO_CREDENTIAL",
          title: "Your session has ended.",
          detail: "Your session has ended. Nothing was changed.",
        }),
      );
      leave(workspace.slug);
    };
    const dialog = openDialog({
      title: "Your session has ended",
      body: [
        h(
          "p",
          {},
          `Sign in to ${workspace.name} again as ${member.name}. Your input is kept, and your last action continues after sign-in.`,
        ),
        tokenForm(done),
        h(
          "details",
          {},
          h("summary", {}, "With an identity provider"),
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
