// Clients of a deployment's API.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { ROOT_TOKEN, eventually } from "./harness.mjs";

/** The name of the session cookie. */
export const COOKIE = "__Host-counterfoil";

/** A client that presents a token. */
export class Client {
  constructor(app, token) {
    this.app = app;
    this.token = token;
  }

  /** The headers with its credential. */
  credential() {
    return { authorization: `Bearer ${this.token}` };
  }

  /** The response to a request: status, headers, and the body, parsed if it is JSON. */
  async send(method, path, body, headers = {}) {
    const response = await this.app.fetch(path, {
      method,
      headers: { ...this.credential(), ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = /[/+]json/.test(response.headers.get("content-type"));
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(bytes) : bytes };
  }

  /** The body of a response, which must have this status. */
  async expect(status, method, path, body) {
    const answer = await this.send(method, path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Another client, which presents this token. */
  as(token) {
    return new Client(this.app, token);
  }

  /** Opens a session. */
  async open() {
    const answer = await this.send("POST", "/v1/session");
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    const [cookie] = answer.headers.get("set-cookie").split(";");
    return new Browser(this.app, cookie.slice(COOKIE.length + 1), answer);
  }

  /** Creates a token. */
  issue(token) {
    return this.expect(201, "POST", "/v1/tokens", { name: "", ...token });
  }

  revoke(id) {
    return this.expect(200, "DELETE", `/v1/tokens/${id}`);
  }

  /** The decision about a token. */
  verify(token, demand = {}) {
    return this.expect(200, "POST", "/v1/verify", { token, demand });
  }

  async code(token, demand) {
    return (await this.verify(token, demand)).code;
  }
}

/** A page of the deployment in a browser that holds a session. */
export class Browser extends Client {
  /** `text` is the cookie's value, `opened` the response that set it. */
  constructor(app, text, opened) {
    super(app);
    this.text = text;
    this.opened = opened;
  }

  credential() {
    return { cookie: `${COOKIE}=${this.text}`, origin: new URL(this.app.url).origin };
  }
}

/** A new workspace with the scopes `orders:read` and `orders:write`: its key, and its first admin. */
export async function workspace(app, slug) {
  const { workspace, token } = await new Client(app, ROOT_TOKEN).expect(201, "POST", "/v1/workspaces", {
    slug,
    name: slug,
  });
  const admin = new Client(app, token.token);
  const scopes = ["orders:read", "orders:write"].map((name) => ({ name, description: name }));
  await admin.expect(200, "PUT", "/v1/scopes", { scopes });
  return { key: workspace.key, admin };
}

/** The log line of the worker for a response. */
export function logged(app, { headers }) {
  const id = headers.get("x-request-id");
  return eventually(() => {
    const line = app.log.find((line) => line.startsWith("{") && line.includes(id));
    return line && JSON.parse(line);
  });
}

/** A token value like this one, with a typo at its end. */
export function withTypo(token) {
  return token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");
}

/** A token value like this one, with a correct checksum and a wrong authentication tag. */
export function withForgedSeal(token) {
  return withChecksum(token.slice(0, -12) + (token.at(-12) === "0" ? "1" : "0") + token.slice(-11, -6));
}

/** A token value like this one, with the authentication tag of this key and a correct checksum. */
export function withSeal(token, key) {
  const sealed = token.slice(0, -12);
  const tag = createHmac("sha256", key).update(sealed).digest().readBigUInt64BE(0);
  return withChecksum(sealed + base62(Number(tag % 62n ** 6n), 6));
}

const withChecksum = (start) => start + base62(crc32(Buffer.from(start)), 6);

function base62(number, width) {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return width === 0 ? "" : base62(Math.floor(number / 62), width - 1) + digits[number % 62];
}

/** CRC-32 as in zip and PNG; Node 20's zlib does not export it. */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
