// Clients: applications that tokens can be bound to.

import { get, post, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { idempotencyKeys } from "../lib/idempotency.js";
import { when } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { refuse, textField } from "../parts/form.js";
import { grantsField } from "../parts/grants.js";
import { listing } from "../parts/listing.js";
import { empty } from "../parts/states.js";
import { table, totalOf } from "../parts/table.js";
import { toast } from "../parts/toast.js";
import { scopeList } from "../parts/token.js";

export async function show({ signal }) {
  const { scopes: catalogue } = await get("/v1/scopes", {}, { signal });
  const list = listing({
    path: "/v1/clients",
    what: "clients",
    signal,
    none: () =>
      empty(
        "No clients yet",
        "A client is an application that tokens can be bound to. Each member has at most one live token bound to a client. Create a client to start.",
      ),
    lay: (clients) =>
      table({
        caption: "Clients",
        columns: [
          { title: "Name" },
          { title: "Default scopes", class: "wide" },
          { title: "Tokens" },
          { title: "Created" },
          { title: "Actions", hidden: true },
        ],
        rows: clients.map((client) => ({ cells: cellsOf(client, take) })),
      }),
  });
  async function add() {
    if (await addClient(catalogue)) await list.fetch();
  }
  async function take(client) {
    if (await removeClient(client)) await list.fetch();
  }
  await list.fetch();
  return {
    title: "Clients",
    actions: h("button", { type: "button", class: "button primary", onclick: add }, "Create client"),
    body: list.element,
  };
}

function cellsOf(client, take) {
  const { id, name, permissions, created_at } = client;
  return [
    [h("strong", {}, name), h("small", { class: "mono" }, id)],
    scopeList(permissions, 4),
    h("a", { href: `#/tokens?client_id=${segment(id)}`, "aria-label": `Tokens of ${name}` }, "Tokens"),
    when(created_at),
    h(
      "button",
      { type: "button", class: "button", "aria-label": `Delete ${name}`, onclick: () => take(client) },
      "Delete…",
    ),
  ];
}

function addClient(catalogue) {
  const id = textField(
    { name: "id", label: "ID", hint: "Identifies the client in the API. ASCII characters without spaces." },
    { maxlength: 128, required: true, autocapitalize: "none" },
  );
  const name = textField({ name: "name", label: "Name" }, { maxlength: 200, required: true });
  const permissions = grantsField({
    name: "permissions",
    label: "Default scopes",
    hint: "The scopes of a token that is created for this client without naming scopes.",
    catalogue,
  });
  const keyOf = idempotencyKeys();
  return confirm({
    title: "Create client",
    body: [id, name, permissions],
    action: "Create client",
    run: async () => {
      if (!id.value.trim()) throw refuse("id", "Enter an ID.");
      if (!name.value.trim()) throw refuse("name", "Enter a name.");
      const body = { id: id.value.trim(), name: name.value.trim(), permissions: permissions.value };
      await post("/v1/clients", body, { key: keyOf(body) });
      toast(`Client ${body.name} created.`);
    },
  });
}

async function removeClient({ id, name }) {
  const page = await get("/v1/tokens", { client_id: id, limit: 1 }).catch(() => null);
  return confirm({
    title: `Delete ${name}?`,
    body: [h("p", {}, "No new token can be bound to this client."), h("p", {}, carriers(page))],
    action: "Delete client",
    danger: true,
    run: async () => {
      await remove(`/v1/clients/${segment(id)}`);
      toast(`Client ${name} deleted.`);
    },
  });
}

/** How deleting a client affects the tokens that have its id. */
function carriers(page) {
  if (page?.total === 0) return "No token has this client's ID.";
  if (page?.total === 1)
    return "1 token has this client's ID. It is not changed or revoked: revoke it if it must stop working.";
  const which = page ? `${totalOf(page)} tokens have this client's ID.` : "Some tokens may have this client's ID.";
  return `${which} They are not changed or revoked: revoke them if they must stop working.`;
}
