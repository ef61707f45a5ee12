// Callers of a deployment's API.

import assert from "node:assert/strict";
import { ROOT_TOKEN, eventually } from "./harness.mjs";

/** The name of the cookie that holds a session. */
export const COOKIE = "__Host-counterfoil";

/** Whoever presents a token. */
export class Client {
  constructor(app, token) {
    this.app = app;
    this.token = token;
  }

  /** The headers that say who it is. */
  credential() {
    return { authorization: `Bearer ${this.token}` };
  }

  /** The answer to a request: its status, its headers, and its body as JSON where it is that. */
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

  /** The body of an answer that must have this status. */
  async expect(status, method, path, body) {
    const answer = await this.send(method, path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Somebody else, who presents this token. */
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

  /** Issues a token. */
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

/** A page of the deployment's own in a browser that holds a session. */
export class Browser extends Client {
  /** `text` is the cookie's, `opened` the answer that set it. */
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

/** The line that the worker logged about an answer. */
export function logged(app, { headers }) {
  const id = headers.get("x-request-id");
  return eventually(() => {
    const line = app.log.find((line) => line.startsWith("{") && line.includes(id));
    return line && JSON.parse(line);
  });
}

/** A text like this token, with a typo at its end. */
export function withTypo(token) {
  return token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");
}

/** A text like this token, whose check is right and whose seal is not. */
export function withForgedSeal(token) {
  const start = token.slice(0, -12) + (token.at(-12) === "0" ? "1" : "0") + token.slice(-11, -6);
  return start + base62(crc32(Buffer.from(start)), 6);
}

function base62(number, width) {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return width === 0 ? "" : base62(Math.floor(number / 62), width - 1) + digits[number % 62];
}

/** CRC-32 of zip and PNG; the zlib of Node 20 has none. */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
