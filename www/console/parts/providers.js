// The form fields of a workspace's identity providers.

import { fill, h } from "../lib/dom.js";
import { checkField, fieldError, groupField, selectField, textField } from "./form.js";

/** The maximum number of providers in a workspace. */
const MOST = 4;

const MEMBER_BY = [
  ["email", "Verified email address"],
  ["subject", "Subject (sub)"],
];

/**
 * The field: `value` is the list for the API.
 *
 * @param {Array<object>} providers as the API returns them
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
    "Add provider",
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
    hint: "OpenID Connect providers trusted to authenticate members. Anyone who controls a provider can sign in as any member.",
    body: [
      h(
        "p",
        { class: "hint" },
        "Redirect URI to register at each provider: ",
        h("code", {}, `${location.origin}/v1/session/callback`),
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
    /** Shows an error at the field that its pointer names, by the provider's index and the field's name. */
    refuse(problem) {
      const [, , index, name] = problem.pointer?.split("/") ?? [];
      const at = cards[index]?.fields.find(({ names }) => names.includes(name));
      if (!at) return false;
      at.error(fieldError(problem));
      at.focus();
      return true;
    },
  };
}

function providerCard(provider) {
  const issuer = textField(
    { name: "issuer", label: "Issuer", hint: "Exactly as in the iss claim of its ID tokens.", value: provider.issuer },
    { placeholder: "https://login.example.com", inputmode: "url" },
  );
  const audience = textField(
    {
      name: "audience",
      label: "Audience",
      hint: "The aud claim of its ID tokens: your client ID at the provider.",
      value: provider.audience,
    },
    { maxlength: 255 },
  );
  const keys = textField(
    {
      name: "jwks_uri",
      label: "JWKS URL",
      hint: "Optional. Leave empty to use the URL from the provider's OpenID configuration.",
      value: provider.jwks_uri,
    },
    { inputmode: "url" },
  );
  const memberBy = selectField({
    name: "member_by",
    label: "Identify members by",
    value: provider.member_by ?? "email",
    choices: MEMBER_BY,
  });
  const verifiesEmail = checkField({
    name: "vouches_for_email",
    label: "Provider verifies all email addresses",
    value: provider.vouches_for_email,
    hint: "ID tokens without email_verified are then accepted. An address marked as unverified is always rejected.",
  });
  const signIn = checkField({
    name: "sign_in",
    label: "Show on the sign-in page",
    value: provider.sign_in ?? true,
  });
  return {
    fields: [issuer, audience, keys, memberBy, verifiesEmail, signIn],
    focus: () => issuer.focus(),
    get value() {
      return {
        issuer: issuer.value.trim(),
        audience: audience.value.trim(),
        jwks_uri: keys.value.trim() || null,
        member_by: memberBy.value,
        vouches_for_email: verifiesEmail.value,
        sign_in: signIn.value,
      };
    },
  };
}
