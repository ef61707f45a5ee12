// OAuth introspection (RFC 7662) and revocation (RFC 7009), used by clients that are not written for Counterfoil:
// openid-client for Node, Authlib for Python.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as oauth from "openid-client";
import { workspace } from "../worker/client.mjs";
import { start } from "../worker/harness.mjs";

const PYTHON = process.env.COUNTERFOIL_PYTHON ?? "python3";

const AUTHENTICATIONS = { client_secret_basic: oauth.ClientSecretBasic, client_secret_post: oauth.ClientSecretPost };

/** A client that authenticates with this method, with a token as its secret. */
function client(app, authentication) {
  const server = {
    issuer: app.url.origin,
    introspection_endpoint: `${app.url.origin}/oauth/introspect`,
    revocation_endpoint: `${app.url.origin}/oauth/revoke`,
  };
  const config = new oauth.Configuration(server, "gateway", {}, authentication);
  oauth.allowInsecureRequests(config);
  return config;
}

test("openid-client introspects and revokes tokens", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify", "tokens:write"] });
  for (const authentication of Object.values(AUTHENTICATIONS)) {
    const config = client(app, authentication(gateway.token));
    const issued = await admin.issue({ scopes: ["orders:read"], expires_in: 60 });
    const found = await oauth.tokenIntrospection(config, issued.token);
    assert.deepEqual([found.active, found.scope, found.jti, found.aud], [true, "orders:read", issued.id, "acme"]);
    assert.equal(found.exp, Math.floor(Date.parse(issued.expires_at) / 1000));
    for (let times = 0; times < 2; times++) {
      await oauth.tokenRevocation(config, issued.token);
      assert.deepEqual({ ...(await oauth.tokenIntrospection(config, issued.token)) }, { active: false });
    }
  }
  const own = await admin.issue({ scopes: [] });
  await oauth.tokenRevocation(client(app, oauth.None()), own.token);
  assert.equal(await admin.code(own.token), "REVOKED", "a public client can revoke a token that it holds");

  const wrong = client(app, oauth.ClientSecretPost("nonsense"));
  await assert.rejects(oauth.tokenIntrospection(wrong, own.token), { status: 401 });
});

test("Authlib introspects and revokes tokens", async (t) => {
  const app = await start(t);
  const { admin } = await workspace(app, "acme");
  const gateway = await admin.issue({ scopes: ["tokens:verify", "tokens:write"] });
  const tokens = {};
  for (const name of [...Object.keys(AUTHENTICATIONS), "kept"]) {
    const { token, id } = await admin.issue({ scopes: ["orders:read"] });
    tokens[name] = { text: token, id };
  }
  const env = {
    ...process.env,
    COUNTERFOIL_URL: app.url.origin,
    COUNTERFOIL_SECRET: gateway.token,
    COUNTERFOIL_TOKENS: JSON.stringify(tokens),
  };
  const script = fileURLToPath(new URL("oauth_client.py", import.meta.url));
  const { stderr } = await promisify(execFile)(PYTHON, [script], { env });
  assert.match(stderr, /Ran 2 tests.*OK/s);
});
