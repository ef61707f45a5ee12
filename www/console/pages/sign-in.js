// Signing in.

import { h } from "../lib/dom.js";
import { me } from "../lib/session.js";
import { failed, providerForm, tokenForm } from "../parts/sign-in.js";
import { notice } from "../parts/states.js";

export async function show({ query, signedIn }) {
  const code = query.get("failed");
  return {
    title: "Sign in",
    body: [
      code && failed(code),
      me && notice("info", h("p", {}, `You are signed in as ${me.member.name} of ${me.workspace.name}.`)),
      h(
        "div",
        { class: "ticket sign-in" },
        h("section", {}, h("h2", {}, "With a token"), tokenForm(signedIn)),
        h(
          "section",
          {},
          h("h2", {}, "By your organisation"),
          providerForm(signedIn, { workspace: query.get("workspace") ?? "" }),
        ),
      ),
      h(
        "p",
        { class: "quiet" },
        "This host issues, checks and revokes API tokens. The bearer keeps the ticket; here only the counterfoil is kept. ",
        h("a", { href: "#/call" }, "How to call it without the console"),
        " · ",
        h("a", { href: "#/check" }, "Check a token"),
        ", which needs no signing in",
      ),
    ],
  };
}
