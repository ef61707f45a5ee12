// Rotating a token: the same token with another text.

import { post, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { confirm } from "./dialog.js";
import { checkField, selectField } from "./form.js";
import { isOwn } from "./revoke.js";
import { notice } from "./states.js";
import { nameOf } from "./token.js";

const GRACES = [
  ["86400", "for 24 hours"],
  ["0", "not at all"],
  ["3600", "for an hour"],
  ["604800", "for 7 days"],
  ["2592000", "for 30 days"],
];

/** Asks, and rotates the token as it was read: the answer with the new text, or null where nothing was done. */
export async function rotate(token) {
  const grace = selectField({
    name: "grace_seconds",
    label: "The present text goes on working",
    choices: GRACES,
    hint: "Long enough to bring the new one to wherever the token is used. One that leaked should end at once.",
  });
  const previous = checkField({
    name: "previous",
    label: "End all previous values now",
    hint: "Values that earlier rotations replaced keep the time they were promised unless you end them.",
  });
  const key = crypto.randomUUID();
  let issued = null;
  await confirm({
    title: `Rotate “${nameOf(token)}”?`,
    body: [
      h("p", {}, "The token gets a new value, which is shown once. Its name, scopes and history stay."),
      grace,
      previous,
      isOwn(token) &&
        notice(
          "warn",
          h(
            "p",
            {},
            "You signed in with this token: from now on your session can only read, and it ends when the present value does.",
          ),
        ),
    ],
    action: "Rotate",
    run: async () => {
      const body = { grace_seconds: Number(grace.value), ...(previous.value && { previous: "end" }) };
      issued = await post(`/v1/tokens/${segment(token.id)}/rotate`, body, {
        key: `${key}-${grace.value}-${previous.value}`,
        version: token.version,
      });
    },
  });
  return issued;
}
