// A small OpenID provider for tests: it signs in `person` without asking, and follows the standards where it validates.

import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

/** A provider on its own port, until the test `t` ends. */
export async function startIssuer(t, options) {
  const issuer = new Issuer(options);
  await issuer.open();
  t.after(() => issuer.close());
  return issuer;
}

export class Issuer {
  /** The identity that signs in. */
  person = { sub: "ada|1", email: "ada@example.org", email_verified: true };
  /** Additional or overriding claims of the next tokens. */
  claims = {};
  /** The paths of requests so far, oldest first. */
  asked = [];
  /** Overrides the usual response of a path: `{path: (request, response) => …}`. */
  instead = {};
  /** The ids of the keys that are served. */
  served = [];

  #clients;
  #methods;
  #keys = new Map();
  #codes = new Map();
  #server = createServer((request, response) => this.#answer(request, response));

  /**
   * @param {object} [options]
   * @param {Record<string, string | null>} [options.clients] the secret of each client; null for public clients
   * @param {string[]} [options.methods] the client authentication methods
   */
  constructor({ clients = { console: null }, methods } = {}) {
    this.#clients = clients;
    this.#methods = methods;
  }

  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    for (const alg of ["RS256", "ES256", "EdDSA"]) await this.addKey(alg);
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The number of requests for a path. */
  count(path) {
    return this.asked.filter((asked) => asked === path).length;
  }

  /** Adds a key for this algorithm, which is served from then on, and returns its id. */
  async addKey(alg, kid = randomUUID()) {
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" };
    this.#keys.set(kid, { alg, jwk, ...pair });
    this.served.push(kid);
    return kid;
  }

  /** The key with this id: its key pair, and the public key as a JWK. */
  key(kid) {
    return this.#keys.get(kid);
  }

  /** The id of the newest served key for this algorithm. */
  kid(alg) {
    return this.served.findLast((kid) => this.#keys.get(kid).alg === alg);
  }

  /** An ID token of `person` for the client `console`. A claim that is undefined is omitted. */
  token(claims = {}, { alg = "RS256", kid = this.kid(alg), header = {} } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + 300 };
    const payload = { iss: this.url, aud: "console", ...times, ...this.person, ...this.claims, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(payload)))
      .setProtectedHeader({ alg, kid, ...header })
      .sign(this.#keys.get(kid).privateKey, { crit: { strange: true } });
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.url);
    this.asked.push(url.pathname);
    const usual = {
      "/.well-known/openid-configuration": () => json(response, 200, this.description()),
      "/keys": () => json(response, 200, { keys: this.served.map((kid) => this.#keys.get(kid).jwk) }),
      "/authorize": () => this.#authorize(url.searchParams, response),
      "/token": () => this.#token(request, response),
    };
    const answer = this.instead[url.pathname] ?? usual[url.pathname];
    if (answer) await answer(request, response);
    else json(response, 404, {});
  }

  /** The provider's metadata (OpenID Connect Discovery 1.0, section 3). */
  description() {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      jwks_uri: `${this.url}/keys`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256", "ES256", "EdDSA"],
      authorization_response_iss_parameter_supported: true,
      ...(this.#methods && { token_endpoint_auth_methods_supported: this.#methods }),
    };
  }

  /** Sends the browser back immediately, without asking the user. */
  #authorize(query, response) {
    const wanted = Object.fromEntries(query);
    const isRight =
      wanted.response_type === "code" &&
      Object.hasOwn(this.#clients, wanted.client_id) &&
      wanted.scope.split(" ").includes("openid") &&
      wanted.code_challenge_method === "S256" &&
      /^[\w-]{43}$/.test(wanted.code_challenge) &&
      /^[\w-]{43}$/.test(wanted.nonce);
    const code = randomUUID();
    if (isRight) this.#codes.set(code, wanted);
    const back = new URL(wanted.redirect_uri);
    const result = isRight ? { code } : { error: "invalid_request" };
    for (const [name, value] of Object.entries({ ...result, state: wanted.state, iss: this.url })) {
      back.searchParams.set(name, value);
    }
    response.writeHead(302, { location: back.href }).end();
  }

  /** Exchanges a code for a token, once, if the client presents the code verifier. */
  async #token(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = Object.fromEntries(new URLSearchParams(body));
    const client = this.#client(request.headers.authorization, form);
    if (!client) return json(response, 401, { error: "invalid_client" });
    const wanted = this.#codes.get(form.code);
    this.#codes.delete(form.code);
    const challenge = createHash("sha256")
      .update(form.code_verifier ?? "")
      .digest("base64url");
    const isRight =
      form.grant_type === "authorization_code" &&
      wanted?.client_id === client &&
      wanted.redirect_uri === form.redirect_uri &&
      wanted.code_challenge === challenge;
    if (!isRight) return json(response, 400, { error: "invalid_grant" });
    const id_token = await this.token({ aud: client, nonce: wanted.nonce, ...this.claims });
    return json(response, 200, { access_token: randomUUID(), token_type: "Bearer", id_token });
  }

  /** The client, if it authenticates correctly or has no secret. */
  #client(authorization, form) {
    const inHeader = (this.#methods ?? ["client_secret_basic"]).includes("client_secret_basic");
    let [id, secret] = [form.client_id, form.client_secret ?? null];
    if (authorization && inHeader) {
      const text = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString();
      [id, secret] = text.split(":").map((part) => new URLSearchParams(`_=${part}`).get("_"));
    } else if (secret !== null && inHeader) {
      return undefined;
    }
    return Object.hasOwn(this.#clients, id) && this.#clients[id] === secret ? id : undefined;
  }
}

export function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
