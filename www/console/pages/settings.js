// The workspace's settings.

import { get, patch } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { isAdmin, load } from "../lib/session.js";
import { at } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { durationField } from "../parts/duration.js";
import { areaField, form, refuse, textField } from "../parts/form.js";
import { readLines } from "../parts/lines.js";
import { providersField } from "../parts/providers.js";
import { storageText, storageWarning } from "../parts/storage.js";
import { toast } from "../parts/toast.js";
import { badge } from "../parts/token.js";

export async function show({ signal, reload }) {
  const workspace = await get("/v1/workspace", {}, { signal });
  const save = async (changes) => {
    if (Object.keys(changes).length === 0) return toast("No changes to save.");
    await patch("/v1/workspace", changes);
    await load();
    toast("Settings saved.");
    reload();
  };
  return {
    title: "Settings",
    body: h(
      "div",
      {},
      storageWarning(workspace.storage),
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
              "You can make these settings stricter. Only an admin can relax them: longer durations, a higher quota, more origins, or a shorter audit log retention.",
            ),
          settings(workspace, save),
        ),
        h(
          "div",
          {},
          h("section", { class: "card" }, h("h2", {}, "Workspace details"), details(workspace)),
          h("section", { class: "card" }, h("h2", {}, "Sign-in"), providers(workspace, save)),
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
      label: "Token prefix",
      value: workspace.prefix,
      hint: "What new token values start with, for example acme: lowercase letters, digits and _. Existing tokens keep their prefix.",
    },
    { maxlength: 12, autocapitalize: "none", class: "mono" },
  );
  const quota = integerField({
    name: "default_quota",
    label: "Default token quota",
    value: workspace.default_quota,
    hint: "Maximum live tokens (neither revoked nor expired) per member, unless the member has a quota of their own.",
  });
  const lifetime = durationField({
    name: "max_lifetime",
    label: "Maximum token lifetime",
    value: workspace.max_lifetime,
    hint: "Leave empty for no limit. Existing tokens keep their expiration.",
  });
  const session = durationField({
    name: "session_length",
    label: "Session duration",
    value: workspace.session_length,
    hint: "How long a member stays signed in: 1 minute to 30 days.",
  });
  const lease = durationField({
    name: "lease_max",
    label: "Verifier lease duration",
    value: workspace.lease_max,
    hint: "How long gateways may keep accepting a revoked token: 2 to 60 seconds.",
  });
  const snapshot = durationField({
    name: "snapshot_max",
    label: "Snapshot validity",
    value: workspace.snapshot_max,
    hint: "How long offline verifiers may keep accepting a revoked token: 1 minute to 30 days.",
  });
  const retention = integerField({
    name: "audit_retention_days",
    label: "Audit log retention (days)",
    value: workspace.audit_retention_days,
    hint: "Leave empty to keep all entries. Older entries are permanently deleted. If the audit log exceeds a fifth of the storage, the oldest entries are deleted too.",
  });
  const origins = areaField(
    {
      name: "allowed_origins",
      label: "Allowed origins",
      value: workspace.allowed_origins.join("\n"),
      hint: "Web pages of these origins may call the API with a token. One origin per line, for example https://app.example.com.",
    },
    { class: "mono" },
  );
  const fields = [name, prefix, quota, lifetime, session, lease, snapshot, retention, origins];

  const submit = async () => {
    if (!name.value.trim()) throw refuse("name", "Enter a name.");
    for (const one of [quota, session, lease, snapshot])
      if (one.value === null) throw refuse(one.names[0], "Enter a value.");
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
    if (!deletesEntries(changes, workspace) || (await confirmDeletion(changes))) await save(changes);
  };
  return form({ fields, action: "Save settings", submit });
}

/**
 * Whether the change deletes audit log entries that the previous setting would have kept.
 *
 * @param {{ audit_retention_days?: number | null }} changes
 * @param {{ audit_retention_days: number | null }} workspace
 */
function deletesEntries({ audit_retention_days: days }, { audit_retention_days: before }) {
  return days !== undefined && days !== null && (before === null || days < before);
}

/** @param {{ audit_retention_days?: number | null }} changes */
function confirmDeletion({ audit_retention_days: days }) {
  return confirm({
    title: "Delete older audit log entries?",
    body: [
      h(
        "p",
        {},
        `Entries older than ${days.toLocaleString("en")} ${days === 1 ? "day" : "days"} will be permanently deleted. Export them first if you may need them.`,
      ),
    ],
    action: "Save and delete",
    danger: true,
  });
}

/**
 * A field for a whole number; `value` is null if it is empty.
 *
 * @param {import("../parts/form.js").About & { value: number | null }} about
 */
function integerField({ value, ...about }) {
  const made = textField(
    { ...about, value: value === null ? "" : String(value) },
    { inputmode: "numeric", maxlength: 9 },
  );
  return Object.defineProperty({ ...made }, "value", {
    get() {
      const text = made.value.trim();
      if (text && !/^\d+$/.test(text)) throw refuse(about.name, "Enter a whole number.");
      return text ? Number(text) : null;
    },
  });
}

function details(workspace) {
  const fact = (term, ...about) => [h("dt", {}, term), h("dd", {}, about)];
  return h(
    "dl",
    { class: "facts" },
    fact("Slug", h("code", {}, workspace.slug)),
    fact("Key", h("code", {}, workspace.key), h("small", {}, "contained in every token value")),
    fact("State", badge(workspace.state)),
    fact(
      "Hosts",
      workspace.hosts.length > 0 ? workspace.hosts.map((host) => h("div", {}, h("code", {}, host))) : "none",
      h(
        "small",
        {},
        "Requests to these hosts need not name the workspace of an imported token. Only the operator can change them.",
      ),
    ),
    fact("Created", at(workspace.created_at)),
    workspace.storage && fact("Storage", storageText(workspace.storage)),
    fact("Sessions", h("a", { href: "#/sessions" }, "View active sessions")),
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
