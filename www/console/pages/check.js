// What a text is: a token, a mistyped one, or something else; and what it may do, where a snapshot is loaded. The text stays in
// the page. Its digest may be asked about; with a snapshot, only when somebody says so.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { may, me } from "../lib/session.js";
import { at } from "../lib/time.js";
import { snapshotCard } from "../parts/snapshot.js";
import { failure, notice } from "../parts/states.js";
import { badge, nameOf, pageOf, scopeList } from "../parts/token.js";
import { verdict } from "../parts/verdict.js";

/** What a token of any workspace looks like, its characters not yet checked against each other. */
const SHAPE = /^[a-z][a-z0-9_]{0,11}_[0-9A-Za-z]{42}$/;

export async function show({ signal }) {
  const { Verifier, init, inspect } = await import("../verify/web.js");
  await init();
  let held = null;
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
  const look = () => {
    turn.abort();
    turn = new AbortController();
    const wanted = text.value.trim();
    fill(found, wanted && said(wanted, inspect, held, AbortSignal.any([signal, turn.signal])));
  };
  text.addEventListener("input", look);
  const clear = () => {
    text.value = "";
    look();
    text.focus();
  };
  const load = async (file, keys) => {
    const verifier = new Verifier();
    const about = await verifier.load(file, { keys });
    held = { ...about, check: checked(verifier, about.workspace) };
    look();
    return about;
  };
  const forget = () => {
    held = null;
    look();
  };
  return {
    title: "Check a token",
    body: [
      h(
        "div",
        { class: "card" },
        h("label", { for: text.id, class: "label" }, "Paste a token"),
        h(
          "p",
          { class: "hint", id: "token-to-check-hint" },
          "It is looked at here, in this page. No request carries it; the service is asked about its SHA-256 digest alone.",
        ),
        text,
        h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: clear }, "Clear")),
      ),
      found,
      snapshotCard({ load, forget, signal }),
    ],
  };
}

/** What the verifier decides about a text by its snapshot, in full. */
function checked(verifier, workspace) {
  const demand = verifier.demand({ workspaces: [workspace], freshness: "snapshot" });
  return (text) => verifier.details(verifier.begin(text, demand, Date.now()));
}

/** What can be said of a text, what it may do by the snapshot that is held, and whose token it is. */
function said(text, inspect, held, signal) {
  const found = inspect(text);
  if (found.kind === "malformed") return malformed(text);
  const parts = found.kind === "foreign" ? foreign(text, found, signal) : ours(found, held, signal);
  return [held && verdict(held.check(text), held, found), parts];
}

function ours({ digest, prefix, workspace }, held, signal) {
  const own = workspace === me?.workspace.key;
  const whose = own ? `${me.workspace.name}, which you are signed in to` : "another one than you are signed in to";
  const asked = h("div", {});
  // With a snapshot nobody is asked unawares: the network may be off.
  if (held) fill(asked, own && lookUp(digest, signal));
  else if (own && may("tokens:read")) ask(digest, asked, signal);
  if (!me && !held) fill(asked, h("p", {}, h("a", { href: "#/sign-in" }, "Sign in"), " to see which token it is."));
  return [
    notice(
      "good",
      h(
        "p",
        {},
        h("strong", {}, "Well formed."),
        " Its check characters are right: it is whole, and not mistyped.",
        !held && " Whether it is good is another question.",
      ),
    ),
    terms([
      ["Prefix", h("code", {}, prefix)],
      ["Workspace", [h("code", {}, workspace), me && h("small", {}, whose)]],
      ["SHA-256", h("code", {}, digest)],
    ]),
    asked,
  ];
}

function foreign(text, { digest }, signal) {
  const beginsLikeOurs = me && text.startsWith(`${me.workspace.prefix}_`);
  const perhaps = beginsLikeOurs
    ? `It begins like a token of ${me.workspace.name}: is it cut short, or has it characters too many?`
    : "It may have been imported from elsewhere.";
  return [
    notice(
      "info",
      h("p", {}, h("strong", {}, "Not issued here."), " It has not the form of a token of this service. ", perhaps),
    ),
    terms([["SHA-256", h("code", {}, digest)]]),
    lookUp(digest, signal),
  ];
}

function malformed(text) {
  if (SHAPE.test(text)) {
    return notice(
      "bad",
      h(
        "p",
        {},
        h("strong", {}, "Mistyped."),
        " It looks like a token, but its check characters are wrong: at least one character differs. Copy it once more.",
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
        ? " There are spaces or line breaks in it, and no token has any."
        : " It is cut short, too long, or has characters that no token has.",
    ),
  );
}

/**
 * A text of no form that could be told to be whole is asked about only when somebody says so: the digests of half a secret,
 * character by character, would tell it.
 */
function lookUp(digest, signal) {
  if (!may("tokens:read")) return null;
  const asked = h("div", {});
  const button = h(
    "button",
    { type: "button", class: "button", onclick: () => ask(digest, asked, signal) },
    "Look for its digest among the tokens",
  );
  fill(asked, h("p", {}, button));
  return asked;
}

/** Finds the token by its digest, among those that the person may see. */
async function ask(digest, into, signal) {
  fill(into, h("p", { class: "quiet", "aria-busy": "true" }, "Looking for it among the tokens…"));
  try {
    const { items } = await get("/v1/tokens", { digest }, { signal });
    fill(into, items.length > 0 ? known(items[0], digest) : unknown());
  } catch (problem) {
    if (!signal.aborted)
      fill(
        into,
        failure(problem, () => ask(digest, into, signal)),
      );
  }
}

function known(token, digest) {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, h("a", { href: pageOf(token) }, nameOf(token))),
    token.digest !== digest && notice("warn", h("p", {}, "This is a former text of it: it was rotated since.")),
    terms([
      ["State", badge(token.state)],
      ["Owner", token.owner.id],
      ["It may", scopeList(token.effective_scopes)],
      ["Ends", token.expires_at ? at(token.expires_at) : "never"],
      ["Last used", token.last_used_at ? at(token.last_used_at) : "never, as far as is known"],
    ]),
  );
}

function unknown() {
  return notice(
    "warn",
    h("p", {}, "It is none of the tokens that you may see."),
    h("p", {}, "Either it belongs to somebody else, or it was never issued."),
  );
}

function terms(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([term, about]) => [h("dt", {}, term), h("dd", {}, about)]),
  );
}
