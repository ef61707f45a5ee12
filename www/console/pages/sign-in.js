// The sign-in page.

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
      me && notice("info", h("p", {}, `You are signed in to ${me.workspace.name} as ${me.member.name}.`)),
      h(
        "div",
        { class: "two-part sign-in" },
        h("section", {}, h("h2", {}, "With a token"), tokenForm(signedIn)),
        h(
          "section",
          {},
          h("h2", {}, "With an identity provider"),
          providerForm(signedIn, { workspace: query.get("workspace") ?? "" }),
        ),
      ),
      h(
        "p",
        { class: "quiet" },
        "Counterfoil creates, verifies and revokes API tokens. It stores a digest of each token, never its value. ",
        h("a", { href: "#/call" }, "API quickstart"),
        " · ",
        h("a", { href: "#/check" }, "Check a token"),
        " (no sign-in needed)",
      ),
    ],
  };
}
