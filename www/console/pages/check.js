// Checks a pasted value: its format, whether a token has its digest, and, if a snapshot is loaded, whether it is valid.
// The value never leaves the page. Only its digest may be sent; while a snapshot is loaded, only if the user asks for it.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { may, me } from "../lib/session.js";
import { at } from "../lib/time.js";
import { snapshotCard } from "../parts/snapshot.js";
import { failure, notice } from "../parts/states.js";
import { badge, nameOf, pageOf, scopeList } from "../parts/token.js";
import { snapshotResult } from "../parts/snapshot-result.js";

/** The format of a Counterfoil token value of any workspace, without its checksum being verified. */
const SHAPE = /^[a-z][a-z0-9_]{0,11}_[0-9A-Za-z]{42}$/;

export async function show({ signal }) {
  const { Verifier, init, inspect } = await import("../verify/web.js");
  await init();
  let loaded = null;
  const found = h("div", { class: "found", "aria-live": "polite" });
  const text = h("textarea", {
    id: "token-to-check",
    class: "secret",
    rows: 2,
    autocomplete: "off",
    autocapitalize: "none",
    autocorrect: "off",
    spellcheck: "false",
    "aria-describedby": "token-to-check-hint",
  });
  let turn = new AbortController();
  const update = () => {
    turn.abort();
    turn = new AbortController();
    const wanted = text.value.trim();
    fill(found, wanted && results(wanted, inspect, loaded, AbortSignal.any([signal, turn.signal])));
  };
  text.addEventListener("input", update);
  const clear = () => {
    text.value = "";
    update();
    text.focus();
  };
  const load = async (file, keys) => {
    const verifier = new Verifier();
    const about = await verifier.load(file, { keys });
    loaded = { ...about, check: verifierOf(verifier, about.workspace) };
    update();
    return about;
  };
  const forget = () => {
    loaded = null;
    update();
  };
  return {
    title: "Check a token",
    body: [
      h(
        "div",
        { class: "card" },
        h("label", { for: text.id, class: "label" }, "Token value"),
        h(
          "p",
          { class: "hint", id: "token-to-check-hint" },
          "The value is checked in your browser and never sent. Only its SHA-256 digest may be sent, to find the token.",
        ),
        text,
        h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: clear }, "Clear")),
      ),
      found,
      snapshotCard({ load, forget, signal }),
    ],
  };
}

/** A function that verifies a value against the loaded snapshot. */
function verifierOf(verifier, workspace) {
  const demand = verifier.demand({ workspaces: [workspace], freshness: "snapshot" });
  return (text) => verifier.details(verifier.begin(text, demand, Date.now()));
}

/** The results for a value: its format, the decision by the loaded snapshot, and the token with its digest. */
function results(text, inspect, loaded, signal) {
  const found = inspect(text);
  if (found.kind === "malformed") return malformed(text);
  const parts =
    found.kind === "foreign" ? thirdPartyToken(text, found, signal) : counterfoilToken(found, loaded, signal);
  return [loaded && snapshotResult(loaded.check(text), loaded, found), parts];
}

function counterfoilToken({ digest, prefix, workspace }, loaded, signal) {
  const own = workspace === me?.workspace.key;
  const whose = own ? `${me.workspace.name}, where you are signed in` : "not the workspace you are signed in to";
  const asked = h("div", {});
  // While a snapshot is loaded, no request is sent unless the user asks for it: the page may be used offline.
  if (loaded) fill(asked, own && lookUpButton(digest, signal));
  else if (own && may("tokens:read")) findByDigest(digest, asked, signal);
  if (!me && !loaded) fill(asked, h("p", {}, h("a", { href: "#/sign-in" }, "Sign in"), " to find this token."));
  return [
    notice(
      "good",
      h(
        "p",
        {},
        h("strong", {}, "Well-formed token."),
        " Its format and checksum are correct.",
        !loaded && " This does not mean that it is valid.",
      ),
    ),
    facts([
      ["Prefix", h("code", {}, prefix)],
      ["Workspace", [h("code", {}, workspace), me && h("small", {}, whose)]],
      ["SHA-256", h("code", {}, digest)],
    ]),
    asked,
  ];
}

function thirdPartyToken(text, { digest }, signal) {
  const hasOwnPrefix = me && text.startsWith(`${me.workspace.prefix}_`);
  const perhaps = hasOwnPrefix
    ? `It starts with the token prefix of ${me.workspace.name}: it may be incomplete or have extra characters.`
    : "It may be an imported third-party token.";
  return [
    notice(
      "info",
      h("p", {}, h("strong", {}, "Not a Counterfoil token."), " It does not have the format of one. ", perhaps),
    ),
    facts([["SHA-256", h("code", {}, digest)]]),
    lookUpButton(digest, signal),
  ];
}

function malformed(text) {
  if (SHAPE.test(text)) {
    return notice(
      "bad",
      h(
        "p",
        {},
        h("strong", {}, "Wrong checksum."),
        " This looks like a token, but at least one character is wrong. Copy it again.",
      ),
    );
  }
  return notice(
    "bad",
    h(
      "p",
      {},
      h("strong", {}, "Not a token."),
      /\s/.test(text)
        ? " It contains spaces or line breaks, which tokens never contain."
        : " It is too short, too long, or contains characters that tokens never contain.",
    ),
  );
}

/**
 * A button that looks the digest up. Without a checksum the page cannot know whether the value is complete: digests of its
 * beginnings, sent while it is typed, would reveal the secret character by character.
 */
function lookUpButton(digest, signal) {
  if (!may("tokens:read")) return null;
  const asked = h("div", {});
  const button = h(
    "button",
    { type: "button", class: "button", onclick: () => findByDigest(digest, asked, signal) },
    "Find token by digest",
  );
  fill(asked, h("p", {}, button));
  return asked;
}

/** Finds the token with this digest among those that the user can see. */
async function findByDigest(digest, into, signal) {
  fill(into, h("p", { class: "quiet", "aria-busy": "true" }, "Searching tokens…"));
  try {
    const { items } = await get("/v1/tokens", { digest }, { signal });
    fill(into, items.length > 0 ? foundCard(items[0], digest) : notFoundNotice());
  } catch (problem) {
    if (!signal.aborted)
      fill(
        into,
        failure(problem, () => findByDigest(digest, into, signal)),
      );
  }
}

function foundCard(token, digest) {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, h("a", { href: pageOf(token) }, nameOf(token))),
    token.digest !== digest &&
      notice("warn", h("p", {}, "This is a previous value of the token. The token has been rotated since.")),
    facts([
      ["State", badge(token.state)],
      ["Owner", token.owner.id],
      ["Effective scopes", scopeList(token.effective_scopes)],
      ["Expires", token.expires_at ? at(token.expires_at) : "never"],
      ["Last used", token.last_used_at ? at(token.last_used_at) : "no recorded use"],
    ]),
  );
}

function notFoundNotice() {
  return notice(
    "warn",
    h("p", {}, "No token that you can see has this digest."),
    h("p", {}, "The token belongs to another member, or was never created in this workspace."),
  );
}

function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([term, about]) => [h("dt", {}, term), h("dd", {}, about)]),
  );
}
