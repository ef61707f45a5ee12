// The OAuth2 clients that tokens may be pinned to.

import { get, post, remove, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { onceEach } from "../lib/once.js";
import { when } from "../lib/time.js";
import { confirm } from "../parts/dialog.js";
import { refuse, textField } from "../parts/form.js";
import { grantsField } from "../parts/grants.js";
import { listing } from "../parts/listing.js";
import { empty } from "../parts/states.js";
import { table } from "../parts/table.js";
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
        "There are no clients yet",
        "A client is a program that many members use. A token that is pinned to one carries its id, and each member has one live token of it at most.",
      ),
    lay: (clients) =>
      table({
        caption: "Clients",
        columns: [
          { title: "Name" },
          { title: "A token of it gets", class: "wide" },
          { title: "Its tokens" },
          { title: "Added" },
          { title: "What to do", hidden: true },
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
    actions: h("button", { type: "button", class: "button primary", onclick: add }, "Add a client"),
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
      { type: "button", class: "button", "aria-label": `Remove ${name}`, onclick: () => take(client) },
      "Remove…",
    ),
  ];
}

function addClient(catalogue) {
  const id = textField(
    { name: "id", label: "Id", hint: "What programs call it: visible characters without spaces." },
    { maxlength: 128, required: true, autocapitalize: "none" },
  );
  const name = textField({ name: "name", label: "Name" }, { maxlength: 200, required: true });
  const permissions = grantsField({
    name: "permissions",
    label: "A token of it gets",
    hint: "The scopes of a token that is made for it, where none are asked for.",
    catalogue,
  });
  const keyOf = onceEach();
  return confirm({
    title: "Add a client",
    body: [id, name, permissions],
    action: "Add the client",
    run: async () => {
      if (!id.value.trim()) throw refuse("id", "Give an id.");
      if (!name.value.trim()) throw refuse("name", "Give a name.");
      const body = { id: id.value.trim(), name: name.value.trim(), permissions: permissions.value };
      await post("/v1/clients", body, { key: keyOf(body) });
      toast(`${body.name} is added.`);
    },
  });
}

async function removeClient({ id, name }) {
  const page = await get("/v1/tokens", { client_id: id, limit: 1 }).catch(() => null);
  return confirm({
    title: `Remove ${name}?`,
    body: [h("p", {}, "No token can be pinned to it any more."), h("p", {}, carriers(page))],
    action: "Remove the client",
    danger: true,
    run: async () => {
      await remove(`/v1/clients/${segment(id)}`);
      toast(`${name} is removed.`);
    },
  });
}

/** What becomes of the tokens that carry a client's id. */
function carriers(page) {
  if (page?.total === 0) return "No token carries its id.";
  if (page?.total === 1) return "1 token carries its id, keeps it, and goes on working. Revoke it if it should not.";
  const count = page ? page.total.toLocaleString("en") : "All";
  return `${count} tokens that carry its id keep it, and go on working. Revoke them if they should not.`;
}
