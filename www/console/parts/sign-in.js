// Signing in: with a token, or by the workspace's identity provider.

import { get, segment } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { signIn, signInByAccess } from "../lib/session.js";
import { form, refuse, textField } from "./form.js";

/**
 * The form that takes a token. The text leaves the field as soon as it is sent, and the page keeps nothing of it.
 *
 * @param {() => Promise<void>} done what follows
 */
export function tokenForm(done) {
  const token = textField(
    {
      name: "token",
      label: "API token",
      hint: "One that holds sessions:create. It is sent once, for a cookie that no script can read.",
      type: "password",
    },
    { placeholder: "cft_…", required: true, autocapitalize: "none" },
  );
  const submit = async () => {
    const text = token.value.trim();
    if (!text) throw refuse("token", "Paste a token.");
    await signIn(text).catch((problem) => {
      throw problem.status === 401 || problem.status === 403 ? refuse("token", inWords(problem)) : problem;
    });
    token.control.value = "";
    await done();
  };
  return form({ fields: [token], action: "Sign in", submit });
}

function inWords({ code, detail }) {
  const words = {
    MALFORMED: "This is no whole token: mistyped, or cut short. Copy it once more.",
    UNKNOWN: "No such token was issued here.",
    REVOKED: "This token was revoked, or replaced by a newer one.",
    DISABLED: "This token is switched off.",
    EXPIRED: "This token has expired.",
    NOT_YET_VALID: "This token is not valid yet.",
    OWNER_SUSPENDED: "The member that this token belongs to is suspended.",
    WORKSPACE_SUSPENDED: "This token's workspace is suspended.",
    INSUFFICIENT_SCOPE: "This token cannot sign in: it does not hold sessions:create.",
    TOKEN_ONLY: "The root token belongs to no member and cannot sign in.",
  };
  return words[code] ?? detail;
}

/**
 * The form that leads to the identity provider of a workspace. In a dialog over a page (`aside`) it opens beside it. Where
 * Cloudflare Access says of each request whose it is, there is nowhere to go.
 *
 * @param {() => Promise<void>} done what follows where somebody is signed in at once
 * @param {object} [about]
 * @param {string} [about.workspace] its slug, where that is known
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
    if (!name) throw refuse("workspace", "Name the workspace.");
    if (await signInByAccess(name)) return done();
    const { providers } = await get("/v1/session/providers", { workspace: name }, { once: true }).catch((problem) => {
      if (problem.status === 404) return { providers: [] };
      throw problem;
    });
    if (providers.length === 0)
      throw refuse("workspace", "Nobody signs in to this workspace by an identity provider. Use a token.");
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
          `Sign in at ${host(issuer)}`,
          aside && " (opens beside this page)",
        ),
      ),
    );
    found.querySelector("a").focus();
  };
  return h("div", {}, form({ fields: [slug], action: "Find its identity provider", kind: "plain", submit }), found);
}

function host(issuer) {
  try {
    return new URL(issuer).host || issuer;
  } catch {
    return issuer;
  }
}

/** Why a provider sent somebody back, in words. */
export function failed(code) {
  const words = {
    SIGN_IN_FAILED:
      "You were not signed in: the identity provider vouched for nobody who takes part here. Ask an admin of the workspace.",
    PROVIDER_UNAVAILABLE: "The identity provider did not answer. Try again in a moment.",
  };
  const isCode = /^[A-Z0-9_]{1,64}$/.test(code);
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("p", {}, (Object.hasOwn(words, code) && words[code]) || "You were not signed in."),
    isCode && h("p", { class: "fine" }, h("a", { href: `/docs/errors#${code}` }, code)),
  );
}
