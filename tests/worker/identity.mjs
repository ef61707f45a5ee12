// A workspace with sign-in through an identity provider, and its visitors.

import assert from "node:assert/strict";
import { Browser, COOKIE, Client, workspace } from "./client.mjs";
import { start } from "./harness.mjs";
import { startIssuer } from "./issuer.mjs";

const GRANTS = ["tokens:read", "tokens:write", "orders:*"];

/** A member whom the provider knows. */
export const ADA = {
  id: "ada",
  name: "Ada",
  email: "ada@example.org",
  subject: "ada|1",
  role: "member",
  grants: GRANTS,
};

export const provider = (issuer, more = {}) => ({
  issuer: issuer.url,
  audience: "console",
  member_by: "email",
  sign_in: true,
  ...more,
});

export const letIn = (admin, ...providers) =>
  admin.expect(200, "PATCH", "/v1/workspace", { identity_providers: providers });

/** A deployment with the workspace `acme`, where Ada signs in through a provider. */
export async function seated(t, more, options) {
  const issuer = await startIssuer(t);
  const app = await start(t, options);
  const { admin } = await workspace(app, "acme");
  await letIn(admin, provider(issuer, more));
  await admin.expect(201, "POST", "/v1/members", ADA);
  return { issuer, app, admin };
}

/** A client without a token. */
export class Visitor extends Client {
  credential() {
    return {};
  }

  /** The response to an ID token. */
  present(id_token, slug = "acme") {
    return this.send("POST", "/v1/session", { workspace: slug, id_token });
  }

  /** Signs in, and opens a browser with the session. */
  async signIn(id_token, slug) {
    const answer = await this.present(id_token, slug);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return new Browser(this.app, cookies(answer)[COOKIE].value, answer);
  }
}

/** The cookies that a response sets: each with its value and attributes. */
export function cookies({ headers }) {
  const set = headers.getSetCookie().map((cookie) => {
    const [pair, ...attributes] = cookie.split("; ");
    const [name, value] = pair.split("=");
    return [name, { value, attributes }];
  });
  return Object.fromEntries(set);
}
