// Rotating a token: the same token gets a new value.

import { post, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { confirm } from "./dialog.js";
import { checkField, selectField } from "./form.js";
import { isOwn } from "./revoke.js";
import { notice } from "./states.js";
import { nameOf } from "./token.js";

const GRACES = [
  ["86400", "For 24 hours"],
  ["0", "Not at all"],
  ["3600", "For 1 hour"],
  ["604800", "For 7 days"],
  ["2592000", "For 30 days"],
];

/**
 * Asks for confirmation and rotates the token, unless it changed since it was read. Returns the response with the new
 * value, or null if it was not rotated.
 */
export async function rotate(token) {
  const grace = selectField({
    name: "grace_seconds",
    label: "Keep the current value working",
    choices: GRACES,
    hint: "Allow enough time to deploy the new value. If the current value has leaked, choose “Not at all”.",
  });
  const previous = checkField({
    name: "previous",
    label: "End all previous values now",
    hint: "Otherwise, values from earlier rotations stay valid until their grace period ends.",
  });
  const key = crypto.randomUUID();
  let issued = null;
  await confirm({
    title: `Rotate “${nameOf(token)}”?`,
    body: [
      h("p", {}, "The token gets a new value, which is shown once. Its name, scopes and history do not change."),
      grace,
      previous,
      isOwn(token) &&
        notice(
          "warn",
          h(
            "p",
            {},
            "You are signed in with this token: after the rotation your session is read-only, and it ends when the current value does.",
          ),
        ),
    ],
    action: "Rotate token",
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
