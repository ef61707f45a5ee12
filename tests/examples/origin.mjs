// An origin server that records every request, and a client that sends requests through a gateway.

import { once } from "node:events";
import { createServer, request } from "node:http";
import { WebSocketServer } from "@softvisio/core/websocket";

/** The header that identifies the test's requests. */
const NUMBER = "x-test-number";

export class Origin {
  /** All recorded requests, in order: `{ method, url, headers, body }`. */
  seen = [];
  #server;
  #sockets;
  #handle;

  /** Responds with `handle(request, response)` instead of a plain 200. */
  static async start(t, handle) {
    const origin = new Origin();
    origin.#handle = handle;
    origin.#server = createServer((request, response) => origin.#answer(request, response));
    origin.#sockets = new WebSocketServer({ server: origin.#server });
    origin.#sockets.on("connection", (socket, { method, url, headers }) => {
      origin.seen.push({ method, url, headers, body: "" });
      socket.on("message", (data) => socket.send(`${data}, says the origin`));
    });
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    origin.url = `http://127.0.0.1:${origin.#server.address().port}`;
    t.after(() => origin.stop());
    return origin;
  }

  /** The record of the request with this number. */
  find(number) {
    return this.seen.find(({ headers }) => headers[NUMBER] === String(number));
  }

  get numbers() {
    return this.seen.map(({ headers }) => Number(headers[NUMBER]));
  }

  stop() {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request, response) {
    const { method, url, headers } = request;
    const record = { method, url, headers, body: "" };
    this.seen.push(record);
    if (this.#handle) return this.#handle(request, response);
    for await (const chunk of request) record.body += chunk;
    return response.end("the origin's answer");
  }
}

/** Sends requests to a gateway, and returns what its origin server recorded. */
export class Asker {
  /** The numbers of the requests that were forwarded. */
  admitted = [];
  #number = 0;
  #open = new Set();

  /** Until the test ends. */
  constructor(t, url, origin) {
    this.url = url;
    this.origin = origin;
    t.after(() => this.#open.forEach((sent) => sent.destroy()));
  }

  /** The response, and `seen`, the origin server's record. The path and the headers are sent unchanged. */
  async send(method, path, { token, headers = {}, body } = {}) {
    const number = ++this.#number;
    const usual = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-length": body.length }),
    };
    const sent = this.open(method, path, { [NUMBER]: number, ...usual, ...headers });
    sent.end(body);
    const [response] = await once(sent, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    if (response.statusCode < 400) this.admitted.push(number);
    const isJson = /[/+]json/.test(response.headers["content-type"]);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
      seen: this.origin.find(number),
    };
  }

  open(method, path, headers) {
    const { hostname, port } = this.url;
    const sent = request({ hostname, port, method, path, headers, agent: false });
    this.#open.add(sent);
    return sent.on("close", () => this.#open.delete(sent));
  }
}
