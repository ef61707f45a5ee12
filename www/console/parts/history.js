// What happened to a token or a member, from the audit.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { Names } from "../lib/names.js";
import { at } from "../lib/time.js";
import { failure } from "./states.js";
import { told } from "./story.js";

const LIMIT = 20;

/** A part of the page with its history, the newest first; more of it where that is asked for. */
export async function history({ id }, signal) {
  const names = new Names(signal);
  const list = h("ol", { class: "timeline" });
  const more = h("div", {});

  async function add(cursor) {
    const { items, next_cursor } = await get("/v1/audit", { token: id, limit: LIMIT, cursor }, { signal });
    await names.learn(items);
    list.append(...items.map((entry) => h("li", {}, told(entry, names), h("small", {}, at(entry.at)))));
    const earlier = () => add(next_cursor).catch((problem) => fill(more, failure(problem, earlier)));
    fill(more, next_cursor && h("button", { type: "button", class: "button", onclick: earlier }, "Earlier"));
  }
  await add();
  if (!list.hasChildNodes()) fill(more, h("p", { class: "quiet" }, "Nothing that the audit still knows."));
  return h("section", { class: "card" }, h("h2", {}, "What happened to it"), list, more);
}
