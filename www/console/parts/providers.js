// The identity providers whose word a workspace takes for who somebody is.

import { fill, h } from "../lib/dom.js";
import { checkField, groupField, selectField, textField } from "./form.js";

/** The most that a workspace has. */
const MOST = 4;

const MEMBER_BY = [
  ["email", "their verified e-mail address"],
  ["subject", "their subject"],
];

/**
 * The field: `value` is the list as the API takes it.
 *
 * @param {Array<object>} providers as the API shows them
 */
export function providersField(providers) {
  const list = h("div", {});
  let cards = providers.map(providerCard);
  const add = h(
    "button",
    {
      type: "button",
      class: "button",
      onclick: () =>
        lay([...cards, providerCard({})])
          .at(-1)
          .focus(),
    },
    "Add a provider",
  );
  function lay(next) {
    cards = next;
    fill(
      list,
      cards.map((card, index) =>
        h(
          "fieldset",
          { class: "card" },
          h("legend", {}, `Provider ${index + 1}`),
          card.fields.map(({ element }) => element),
          h(
            "button",
            {
              type: "button",
              class: "button",
              "aria-label": `Remove provider ${index + 1}`,
              onclick: () => {
                lay(cards.filter((one) => one !== card));
                add.focus();
              },
            },
            "Remove",
          ),
        ),
      ),
    );
    add.hidden = cards.length >= MOST;
    return cards;
  }
  lay(cards);
  const made = groupField({
    name: "identity_providers",
    label: "Identity providers",
    hint: "OpenID providers whose word is taken for who somebody is. Whoever controls one can sign in as any member.",
    body: [
      h(
        "p",
        { class: "hint" },
        "There, register ",
        h("code", {}, `${location.origin}/v1/session/callback`),
        " as where people come back to.",
      ),
      list,
      add,
    ],
    read: () => cards.map(({ value }) => value),
  });
  return {
    ...made,
    get value() {
      return made.value;
    },
    /** Says what is wrong beside what it is about: the rest of a pointer names a provider and its field. */
    refuse(problem) {
      const [, , index, name] = problem.pointer?.split("/") ?? [];
      const at = cards[index]?.fields.find(({ names }) => names.includes(name));
      if (!at) return false;
      at.error(problem.detail);
      at.focus();
      return true;
    },
  };
}

function providerCard(provider) {
  const issuer = textField(
    { name: "issuer", label: "Issuer", hint: "To the letter as its tokens name it.", value: provider.issuer },
    { placeholder: "https://login.example.com", inputmode: "url" },
  );
  const audience = textField(
    {
      name: "audience",
      label: "Audience",
      hint: "Whom its tokens are meant for: your client id there.",
      value: provider.audience,
    },
    { maxlength: 255 },
  );
  const keys = textField(
    {
      name: "jwks_uri",
      label: "Where its keys are",
      hint: "Its own configuration says it where this is empty.",
      value: provider.jwks_uri,
    },
    { inputmode: "url" },
  );
  const memberBy = selectField({
    name: "member_by",
    label: "It knows a member by",
    value: provider.member_by ?? "email",
    choices: MEMBER_BY,
  });
  const vouches = checkField({
    name: "vouches_for_email",
    label: "It verifies every e-mail address itself",
    value: provider.vouches_for_email,
    hint: "Then its tokens need not say so. One that they call unverified is never taken.",
  });
  const signIn = checkField({
    name: "sign_in",
    label: "Offer it on the sign-in page",
    value: provider.sign_in ?? true,
  });
  return {
    fields: [issuer, audience, keys, memberBy, vouches, signIn],
    focus: () => issuer.focus(),
    get value() {
      return {
        issuer: issuer.value.trim(),
        audience: audience.value.trim(),
        jwks_uri: keys.value.trim() || null,
        member_by: memberBy.value,
        vouches_for_email: vouches.value,
        sign_in: signIn.value,
      };
    },
  };
}
