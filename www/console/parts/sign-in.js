// The sign-in forms: with a token, or with the workspace's identity provider.

import { get, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { signIn, signInByAccess } from "../lib/session.js";
import { form, refuse, textField } from "./form.js";

/**
 * The form for a token. After sign-in its value is removed from the field, and the page does not keep it.
 *
 * @param {() => Promise<void>} done called after sign-in
 */
export function tokenForm(done) {
  const token = textField(
    {
      name: "token",
      label: "API token",
      hint: "A token with the sessions:create scope. It is sent once and exchanged for a session cookie that scripts cannot read.",
      type: "password",
    },
    { placeholder: "cft_…", required: true, autocapitalize: "none" },
  );
  const submit = async () => {
    const text = token.value.trim();
    if (!text) throw refuse("token", "Paste a token.");
    await signIn(text).catch((problem) => {
      throw problem.status === 401 || problem.status === 403 ? refuse("token", errorText(problem)) : problem;
    });
    token.control.value = "";
    await done();
  };
  return form({ fields: [token], action: "Sign in", submit });
}

function errorText({ code, detail }) {
  const words = {
    MALFORMED: "This token is mistyped or incomplete. Copy it again.",
    UNKNOWN: "This token does not exist.",
    REVOKED: "This token was revoked, or its value was replaced by a rotation.",
    DISABLED: "This token is disabled.",
    EXPIRED: "This token has expired.",
    NOT_YET_VALID: "This token is not valid yet.",
    OWNER_SUSPENDED: "This token's owner is suspended.",
    WORKSPACE_SUSPENDED: "This token's workspace is suspended.",
    INSUFFICIENT_SCOPE: "You cannot sign in with this token: it does not have the sessions:create scope.",
    TOKEN_ONLY: "You cannot sign in with the root token: it does not belong to a member.",
  };
  return words[code] ?? detail;
}

/**
 * The form that leads to a workspace's identity provider. From a dialog (`aside`) the provider opens in a new tab. If
 * Cloudflare Access asserts the identity on each request, the member is signed in without a redirect.
 *
 * @param {() => Promise<void>} done called if the member is signed in without a redirect
 * @param {object} [about]
 * @param {string} [about.workspace] its slug, if known
 * @param {boolean} [about.aside]
 */
export function providerForm(done, { workspace = "", aside = false } = {}) {
  const slug = textField(
    { name: "workspace", label: "Workspace", value: workspace },
    { placeholder: "acme", autocapitalize: "none" },
  );
  const found = h("div", { class: "providers", role: "status" });
  const submit = async () => {
    const name = slug.value.trim();
    fill(found);
    if (!name) throw refuse("workspace", "Enter the workspace.");
    if (await signInByAccess(name)) return done();
    const { providers } = await get("/v1/session/providers", { workspace: name }, { once: true }).catch((problem) => {
      if (problem.status === 404) return { providers: [] };
      throw problem;
    });
    if (providers.length === 0)
      throw refuse(
        "workspace",
        "No identity provider found for this workspace. Check its name, or sign in with a token.",
      );
    fill(
      found,
      providers.map(({ issuer }) =>
        h(
          "a",
          {
            class: "button",
            href: `/v1/session/start?workspace=${segment(name)}&issuer=${segment(issuer)}`,
            target: aside && "_blank",
          },
          `Sign in with ${host(issuer)}`,
          aside && " (opens a new tab)",
        ),
      ),
    );
    found.querySelector("a").focus();
  };
  return h("div", {}, form({ fields: [slug], action: "Find identity provider", kind: "plain", submit }), found);
}

function host(issuer) {
  try {
    return new URL(issuer).host || issuer;
  } catch {
    return issuer;
  }
}

/** The error for a sign-in through a provider that failed. */
export function failed(code) {
  const words = {
    SIGN_IN_FAILED:
      "Sign-in failed. Your account at the identity provider does not match an active member of this workspace, or its ID token was not accepted. Try again, or contact an admin of the workspace.",
    PROVIDER_UNAVAILABLE: "The identity provider did not respond. Try again in a moment.",
  };
  const isCode = /^[A-Z0-9_]{1,64}$/.test(code);
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("p", {}, (Object.hasOwn(words, code) && words[code]) || "Sign-in failed."),
    isCode && h("p", { class: "fine" }, h("a", { href: `/docs/errors#${code}` }, code)),
  );
}
