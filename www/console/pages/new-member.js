// The form for a new member.

import { get, post, segment } from "../lib/api.js";
import { idempotencyKeys } from "../lib/idempotency.js";
import { go } from "../lib/router.js";
import { me } from "../lib/session.js";
import { form } from "../parts/form.js";
import { memberFields } from "../parts/member-fields.js";
import { toast } from "../parts/toast.js";

export async function show({ signal }) {
  const { scopes: catalogue } = await get("/v1/scopes", {}, { signal });
  const fields = memberFields({ catalogue });
  const keyOf = idempotencyKeys();
  const submit = async () => {
    const body = fields.all();
    const member = await post("/v1/members", body, { key: keyOf(body) });
    toast(`${member.name} was added to ${me.workspace.name}.`);
    go(`#/members/${segment(member.id)}`);
  };
  return {
    title: "Add member",
    crumb: { text: "Members", href: "#/members" },
    body: form({ fields: fields.list, action: "Add member", submit }),
  };
}
