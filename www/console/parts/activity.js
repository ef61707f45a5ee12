// The activity of a token or a member, from the audit log.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { Names } from "../lib/names.js";
import { at } from "../lib/time.js";
import { failure } from "./states.js";
import { entryElement } from "./audit-entry.js";

const LIMIT = 20;

/** A card with the newest entries, and a button that loads older ones. */
export async function history({ id }, signal) {
  const names = new Names(signal);
  const list = h("ol", { class: "timeline" });
  const more = h("div", {});

  async function add(cursor) {
    const { items, next_cursor } = await get("/v1/audit", { token: id, limit: LIMIT, cursor }, { signal });
    await names.learn(items);
    list.append(...items.map((entry) => h("li", {}, entryElement(entry, names), h("small", {}, at(entry.at)))));
    const earlier = () => add(next_cursor).catch((problem) => fill(more, failure(problem, earlier)));
    fill(more, next_cursor && h("button", { type: "button", class: "button", onclick: earlier }, "Show earlier"));
  }
  await add();
  if (!list.hasChildNodes()) fill(more, h("p", { class: "quiet" }, "No entries in the audit log."));
  return h("section", { class: "card" }, h("h2", {}, "Activity"), list, more);
}
