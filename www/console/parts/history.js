// What was done to one thing: the newest first.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { Names } from "../lib/names.js";
import { at } from "../lib/time.js";
import { failure } from "./states.js";
import { told } from "./story.js";

const LIMIT = 20;

/**
 * The history of a token, a member or a client, by its id; older parts of it when they are asked for.
 *
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function history(id, signal) {
  const names = new Names(signal);
  const list = h("ol", { class: "timeline" });
  const more = h("div", {});
  let cursor;
  async function fetch() {
    const page = await get("/v1/audit", { token: id, limit: LIMIT, cursor }, { signal });
    await names.learn(page.items);
    list.append(...page.items.map((entry) => h("li", {}, told(entry, names), h("small", {}, at(entry.at)))));
    cursor = page.next_cursor;
    fill(more, cursor && h("button", { type: "button", class: "button", onclick: on }, "Show older"));
    if (!list.hasChildNodes()) fill(more, h("p", { class: "quiet" }, "Nothing that the audit still has."));
  }
  const on = () => fetch().catch((problem) => fill(more, failure(problem, on)));
  await on();
  return h("div", {}, list, more);
}
