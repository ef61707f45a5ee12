// Loads the snapshot that the page verifies tokens with: from this deployment, or from a file.

import { fill, h, uniqueId } from "../lib/dom.js";
import { may, me } from "../lib/session.js";
import { fetchKeys, fetchSnapshot } from "../lib/snapshot.js";
import { moment } from "../lib/time.js";
import { areaField, field, form, refuse } from "./form.js";
import { failure } from "./states.js";

/** The scope that is needed to download a snapshot. */
const SCOPE = "snapshots:read";

/**
 * A card that shows the loaded snapshot, with controls to load and unload one.
 *
 * @param {object} about
 * @param {(file: ArrayBuffer, keys: object) => Promise<SnapshotInfo>} about.load verifies a file and uses it
 * @param {() => void} about.forget
 * @param {AbortSignal} about.signal aborted when the page is left
 */
export function snapshotCard({ load, forget, signal }) {
  const state = h("div", { role: "status" });
  const wrong = h("div", { role: "alert" });
  const actions = h("div", { class: "actions" });

  function showNone() {
    fill(
      state,
      h(
        "p",
        {},
        "No snapshot loaded. A snapshot is a signed file with all tokens of a workspace. With a snapshot, this page verifies tokens offline, without sending requests.",
      ),
    );
    fill(actions, fetching("Load snapshot"));
  }

  function showLoaded({ workspace, asOf, expiresAt }) {
    const own = workspace === me?.workspace.key && ` (${me.workspace.name})`;
    fill(wrong);
    fill(
      state,
      h(
        "dl",
        { class: "facts" },
        h("dt", {}, "Workspace"),
        h("dd", {}, h("code", {}, workspace), own),
        h("dt", {}, "As of"),
        h("dd", {}, moment(asOf)),
        h("dt", {}, "Valid until"),
        h("dd", {}, moment(expiresAt)),
      ),
    );
    const unload = () => {
      forget();
      showNone();
      heading.focus();
    };
    fill(
      actions,
      fetching("Load latest snapshot"),
      h("button", { type: "button", class: "button", onclick: unload }, "Unload"),
    );
  }

  const take = async (file, keys) => {
    const info = await load(file, keys);
    // The page was left in the meantime.
    if (!signal.aborted) showLoaded(info);
  };

  /** The download button; false without the scope for it. */
  function fetching(text) {
    return may(SCOPE) && h("button", { type: "button", class: "button primary", onclick: fetchOne }, text);
  }

  async function fetchOne() {
    const before = [[...state.childNodes], [...actions.childNodes]];
    const stopping = new AbortController();
    const ends = AbortSignal.any([signal, stopping.signal]);
    const stop = h("button", { type: "button", class: "button", onclick: () => stopping.abort() }, "Cancel");
    fill(wrong);
    fill(state, h("p", { "aria-busy": "true" }, "Downloading the snapshot…"));
    fill(actions, stop);
    stop.focus();
    try {
      const keys = await fetchKeys(ends);
      await take(await fetchSnapshot(ends, countdown(state)), keys);
    } catch (problem) {
      [state, actions].forEach((element, at) => fill(element, before[at]));
      if (!ends.aborted) fill(wrong, failure(asProblem(problem), fetchOne));
    }
    heading.focus();
  }

  const heading = h("h2", { id: uniqueId("snapshot"), tabindex: "-1" }, "Snapshot");
  showNone();
  return h(
    "section",
    { class: "card", "aria-labelledby": heading.id },
    heading,
    state,
    wrong,
    actions,
    h("details", {}, h("summary", {}, "Load from a file"), fileForm(take, signal)),
  );
}

/** Shows a countdown while the snapshot is built. Screen readers announce the duration only once. */
function countdown(state) {
  const left = h("span", { "aria-hidden": "true" });
  const bar = h("progress", { "aria-hidden": "true" });
  return (seconds, total) => {
    if (seconds === total) {
      fill(
        state,
        h(
          "p",
          { "aria-busy": "true" },
          "The snapshot is being built. Next attempt ",
          h("span", { class: "visually-hidden" }, `in ${total} seconds.`),
          left,
        ),
        bar,
      );
    }
    left.textContent = `in ${seconds} s.`;
    bar.max = total;
    bar.value = total - seconds;
  };
}

/** The form for a snapshot file and the keys to verify its signature with. */
function fileForm(take, signal) {
  const input = h("input", { type: "file" });
  const file = field({ name: "file", label: "File", control: input, read: () => input.files[0] });
  const keys = areaField(
    {
      name: "keys",
      label: "Keys",
      hint: "The workspace's snapshot keys, as a JWK set. Get them from a source you trust, not from the sender of the file: control of the keys is control over which tokens are valid.",
    },
    { class: "code", autocomplete: "off" },
  );
  const fillIn = async () => {
    try {
      keys.control.value = JSON.stringify(await fetchKeys(signal), null, 2);
      keys.error("");
    } catch (problem) {
      if (!signal.aborted) keys.error(problem.detail);
    }
  };
  return form({
    fields: [file, keys],
    action: "Load file",
    kind: "plain",
    beside:
      may(SCOPE) && h("button", { type: "button", class: "button", onclick: fillIn }, "Use this deployment's keys"),
    submit: async () => {
      if (!file.value) throw refuse("file", "Select a file.");
      const known = parsed(keys.value);
      const bytes = await file.value.arrayBuffer().catch(() => {
        throw refuse("file", "The file cannot be read.");
      });
      await take(bytes, known).catch((problem) => {
        throw refuse(problem.code === "UNTRUSTED" ? "keys" : "file", asProblem(problem).detail);
      });
    },
  });
}

function parsed(text) {
  try {
    const json = JSON.parse(text);
    if (Array.isArray(json) || Array.isArray(json?.keys)) return json;
  } catch {
    // The error is thrown below.
  }
  throw refuse("keys", 'Invalid JWK set. Expected format: {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "…"}]}.');
}

/** Leaves a problem of the API as it is, and turns an error about the file into a sentence. */
function asProblem(problem) {
  if (problem.name !== "InvalidSnapshotError") return problem;
  const [first, ...tail] = problem.message;
  return { status: 0, code: problem.code, detail: `${first.toUpperCase()}${tail.join("")}.` };
}
