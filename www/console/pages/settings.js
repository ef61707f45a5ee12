// The settings of the workspace.

import { get, patch } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { isAdmin, load } from "../lib/session.js";
import { at } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { durationField } from "../parts/duration.js";
import { areaField, form, refuse, textField } from "../parts/form.js";
import { readLines } from "../parts/lines.js";
import { providersField } from "../parts/providers.js";
import { tellStorage, warnOfStorage } from "../parts/storage.js";
import { toast } from "../parts/toast.js";
import { badge } from "../parts/token.js";

export async function show({ signal, reload }) {
  const workspace = await get("/v1/workspace", {}, { signal });
  const save = async (changes) => {
    if (Object.keys(changes).length === 0) return toast("Nothing was changed.");
    await patch("/v1/workspace", changes);
    await load();
    toast("The settings are saved.");
    reload();
  };
  return {
    title: "Settings",
    body: h(
      "div",
      {},
      warnOfStorage(workspace.storage),
      h(
        "div",
        { class: "columns" },
        h(
          "section",
          { class: "card" },
          h("h2", {}, "Settings"),
          !isAdmin() &&
            h(
              "p",
              { class: "hint" },
              "You can make these stricter. Only an admin can make them weaker: longer, higher, or with more origins; and the audit shorter.",
            ),
          settings(workspace, save),
        ),
        h(
          "div",
          {},
          h("section", { class: "card" }, h("h2", {}, "What is fixed"), fixed(workspace)),
          h("section", { class: "card" }, h("h2", {}, "Signing in"), providers(workspace, save)),
        ),
      ),
    ),
  };
}

function settings(workspace, save) {
  const name = textField({ name: "name", label: "Name", value: workspace.name }, { maxlength: 200, required: true });
  const prefix = textField(
    {
      name: "prefix",
      label: "Prefix of new tokens",
      value: workspace.prefix,
      hint: "What they begin with, such as acme: lower-case letters, digits and _. Tokens that there are keep theirs.",
    },
    { maxlength: 12, autocapitalize: "none", class: "mono" },
  );
  const quota = wholeField({
    name: "default_quota",
    label: "Default quota",
    value: workspace.default_quota,
    hint: "How many live tokens a member may have of whom nothing else is said.",
  });
  const lifetime = durationField({
    name: "max_lifetime",
    label: "Longest life of a token",
    value: workspace.max_lifetime,
    hint: "Without a limit where empty. Tokens that there are keep their end.",
  });
  const session = durationField({
    name: "session_length",
    label: "Length of a session",
    value: workspace.session_length,
    hint: "How long somebody stays signed in: a minute to 30 days.",
  });
  const lease = durationField({
    name: "lease_max",
    label: "Lease of gateways",
    value: workspace.lease_max,
    hint: "How long they may accept what was revoked: 2 to 60 seconds.",
  });
  const snapshot = durationField({
    name: "snapshot_max",
    label: "Life of a snapshot",
    value: workspace.snapshot_max,
    hint: "How long whoever has one, with no network, may accept what was revoked: a minute to 30 days.",
  });
  const retention = wholeField({
    name: "audit_retention_days",
    label: "Days that the audit is kept",
    value: workspace.audit_retention_days,
    hint: "For ever where empty, as long as the audit takes up no more than a fifth of the storage. Older entries are removed, for good.",
  });
  const origins = areaField(
    {
      name: "allowed_origins",
      label: "Allowed origins",
      value: workspace.allowed_origins.join("\n"),
      hint: "Of which other origins web pages may call the API with a token, one a line, such as https://app.example.com.",
    },
    { class: "mono" },
  );
  const fields = [name, prefix, quota, lifetime, session, lease, snapshot, retention, origins];

  const submit = async () => {
    if (!name.value.trim()) throw refuse("name", "Give a name.");
    for (const one of [quota, session, lease, snapshot])
      if (one.value === null) throw refuse(one.names[0], "This cannot be empty.");
    const all = {
      name: name.value.trim(),
      prefix: prefix.value.trim(),
      default_quota: quota.value,
      max_lifetime: lifetime.value,
      session_length: session.value,
      lease_max: lease.value,
      snapshot_max: snapshot.value,
      audit_retention_days: retention.value,
      allowed_origins: readLines(origins.value),
    };
    const changed = Object.entries(all).filter(
      ([field, value]) => JSON.stringify(value) !== JSON.stringify(workspace[field] ?? null),
    );
    const changes = Object.fromEntries(changed);
    if (!shortens(changes, workspace) || (await forgets(changes))) await save(changes);
  };
  return form({ fields, action: "Save settings", submit });
}

/**
 * Whether entries of the audit may be removed that would have been kept.
 *
 * @param {{ audit_retention_days?: number | null }} changes
 * @param {{ audit_retention_days: number | null }} workspace
 */
function shortens({ audit_retention_days: days }, { audit_retention_days: before }) {
  return days !== undefined && days !== null && (before === null || days < before);
}

/** @param {{ audit_retention_days?: number | null }} changes */
function forgets({ audit_retention_days: days }) {
  return confirm({
    title: "Forget older entries of the audit?",
    body: [
      h(
        "p",
        {},
        `Entries that are older than ${days.toLocaleString("en")} ${days === 1 ? "day" : "days"} are removed, for good. Export them first if you may need them.`,
      ),
    ],
    action: "Save, and forget them",
    danger: true,
  });
}

/**
 * A whole number, or nothing.
 *
 * @param {import("../parts/form.js").About & { value: number | null }} about
 */
function wholeField({ value, ...about }) {
  const made = textField(
    { ...about, value: value === null ? "" : String(value) },
    { inputmode: "numeric", maxlength: 9 },
  );
  return Object.defineProperty({ ...made }, "value", {
    get() {
      const text = made.value.trim();
      if (text && !/^\d+$/.test(text)) throw refuse(about.name, "This is a whole number.");
      return text ? Number(text) : null;
    },
  });
}

function fixed(workspace) {
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  return h(
    "dl",
    { class: "facts" },
    fact("Slug", h("code", {}, workspace.slug)),
    fact("Key", h("code", {}, workspace.key), h("small", {}, "what its tokens carry")),
    fact("State", badge(workspace.state)),
    fact(
      "Hosts",
      workspace.hosts.length > 0 ? workspace.hosts.map((host) => h("div", {}, h("code", {}, host))) : "none",
      h("small", {}, "There, an imported token need not name its workspace. Whoever runs this service sets them."),
    ),
    fact("Made", at(workspace.created_at)),
    workspace.storage && fact("Storage", tellStorage(workspace.storage)),
    fact("Signed in", h("a", { href: "#/sessions" }, "who is signed in")),
  );
}

function providers(workspace, save) {
  const list = providersField(workspace.identity_providers);
  const submit = async () => {
    try {
      await save({ identity_providers: list.value });
    } catch (problem) {
      if (!list.refuse(problem)) throw problem;
    }
  };
  return form({ fields: [list], action: "Save providers", submit });
}
