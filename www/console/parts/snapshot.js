// The snapshot that tokens are checked against in a page: loaded from this deployment, or from a file.

import { fill, h, uniqueId } from "../lib/dom.js";
import { may, me } from "../lib/session.js";
import { fetchKeys, fetchSnapshot } from "../lib/snapshot.js";
import { moment } from "../lib/time.js";
import { areaField, field, form, refuse } from "./form.js";
import { failure } from "./states.js";

/** What a session takes to be given a snapshot. */
const SCOPE = "snapshots:read";

/**
 * Says which snapshot is loaded, and has one loaded.
 *
 * @param {object} about
 * @param {(file: ArrayBuffer, keys: object) => Promise<SnapshotInfo>} about.load verifies a file and takes it
 * @param {() => void} about.forget
 * @param {AbortSignal} about.signal ends with the page
 */
export function snapshotCard({ load, forget, signal }) {
  const state = h("div", { role: "status" });
  const wrong = h("div", { role: "alert" });
  const actions = h("div", { class: "actions" });

  function rest() {
    fill(
      state,
      h(
        "p",
        {},
        "None is loaded. A snapshot is one signed file with all tokens of a workspace. Against it this page says what a token may do, and asks nobody: the network may be off.",
      ),
    );
    fill(actions, fetching("Load snapshot"));
  }

  function holds({ workspace, asOf, expiresAt }) {
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
        h("dt", {}, "It counts until"),
        h("dd", {}, moment(expiresAt)),
      ),
    );
    const drop = () => {
      forget();
      rest();
      heading.focus();
    };
    fill(
      actions,
      fetching("Load the latest"),
      h("button", { type: "button", class: "button", onclick: drop }, "Forget it"),
    );
  }

  const take = async (file, keys) => {
    const info = await load(file, keys);
    // Nobody is there any more to whom it would be said.
    if (!signal.aborted) holds(info);
  };

  /** The button that fetches one from here, for whom that is granted. */
  function fetching(text) {
    return may(SCOPE) && h("button", { type: "button", class: "button primary", onclick: fetchOne }, text);
  }

  async function fetchOne() {
    const before = [[...state.childNodes], [...actions.childNodes]];
    const stopping = new AbortController();
    const ends = AbortSignal.any([signal, stopping.signal]);
    const stop = h("button", { type: "button", class: "button", onclick: () => stopping.abort() }, "Stop");
    fill(wrong);
    fill(state, h("p", { "aria-busy": "true" }, "Fetching the snapshot…"));
    fill(actions, stop);
    stop.focus();
    try {
      const keys = await fetchKeys(ends);
      await take(await fetchSnapshot(ends, making(state)), keys);
    } catch (problem) {
      [state, actions].forEach((element, at) => fill(element, before[at]));
      if (!ends.aborted) fill(wrong, failure(said(problem), fetchOne));
    }
    heading.focus();
  }

  const heading = h("h2", { id: uniqueId("snapshot"), tabindex: "-1" }, "Snapshot");
  rest();
  return h(
    "section",
    { class: "card", "aria-labelledby": heading.id },
    heading,
    state,
    wrong,
    actions,
    h("details", {}, h("summary", {}, "From a file"), fileForm(take, signal)),
  );
}

/** Shows that it is being made: for how long is told once to whoever listens, and each second to whoever looks. */
function making(state) {
  const left = h("span", { "aria-hidden": "true" });
  const bar = h("progress", { "aria-hidden": "true" });
  return (seconds, total) => {
    if (seconds === total) {
      fill(
        state,
        h(
          "p",
          { "aria-busy": "true" },
          "The snapshot is not there yet: the service is making it. It is asked for again ",
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

/** A file, and the keys that it is to be signed by. */
function fileForm(take, signal) {
  const input = h("input", { type: "file" });
  const file = field({ name: "file", label: "File", control: input, read: () => input.files[0] });
  const keys = areaField(
    {
      name: "keys",
      label: "Keys",
      hint: "The workspace's snapshot keys, a JWK set. Have them from whom you trust, and not from who gave you the file: who chooses the keys says which tokens are good.",
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
    action: "Load the file",
    kind: "plain",
    beside:
      may(SCOPE) && h("button", { type: "button", class: "button", onclick: fillIn }, "Take this deployment's keys"),
    submit: async () => {
      if (!file.value) throw refuse("file", "Choose a file.");
      const known = parsed(keys.value);
      const bytes = await file.value.arrayBuffer().catch(() => {
        throw refuse("file", "The file cannot be read.");
      });
      await take(bytes, known).catch((problem) => {
        throw refuse(problem.code === "UNTRUSTED" ? "keys" : "file", said(problem).detail);
      });
    },
  });
}

function parsed(text) {
  try {
    const json = JSON.parse(text);
    if (Array.isArray(json) || Array.isArray(json?.keys)) return json;
  } catch {
    // Said below.
  }
  throw refuse("keys", 'This is no JWK set: {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "…"}]}.');
}

/** A problem of the service's as it is, and one of the file's in a sentence. */
function said(problem) {
  if (problem.name !== "InvalidSnapshotError") return problem;
  const [first, ...rest] = problem.message;
  return { status: 0, code: problem.code, detail: `${first.toUpperCase()}${rest.join("")}.` };
}
