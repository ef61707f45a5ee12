// The entry module of the bundle: it passes requests to the wasm module and survives when that traps.
//
// A Rust panic is a wasm trap. The call that trapped, and all other calls under way in the same instance, would never
// settle: the code that would settle their promises is gone. Each call is therefore registered in `underWay`, and a
// trap rejects all of them at once and replaces the instance. Objects created by the lost instance are created again on
// their next call. They lose what they held in memory, but not what they stored.
//
// A rejection from within another request's turn reaches its caller only while the caller's request still waits for
// something; otherwise the runtime ends it as hung, with a response of its own. Every call from Rust to an object has a
// timeout, and a timer counts as waiting.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import "./calls.mjs";
import "./identity.mjs";
import * as wasm from "./index.js";

/** When a failed alarm is retried. */
const ALARM_RETRY_MS = 5000;

/** Counts instances: `instanceId` changes each time the module is instantiated. */
const state = wasm.__worker_init_state();

class InstanceLost extends Error {
  constructor(cause) {
    super("the wasm instance trapped while this call was under way", { cause });
  }
}

/** The functions that reject the calls under way. An open socket is one. */
const underWay = new Set();

function call(run) {
  return new Promise((resolve, reject) => {
    underWay.add(reject);
    const settled = (settle) => (value) => {
      underWay.delete(reject);
      settle(value);
    };
    try {
      run().then(settled(resolve), settled(reject));
    } catch (error) {
      replaceInstance(error);
    }
  });
}

/**
 * For Rust, which answers the frames of this socket: closes the socket if the instance is lost, so that the client
 * reconnects (RFC 6455, section 7.4.1, and IANA's registry of close codes: 1012 is a service restart).
 */
globalThis.closeWhenLost = (socket) => {
  const lost = new Promise((_, reject) => {
    underWay.add(reject);
    for (const end of ["close", "error"]) socket.addEventListener(end, () => underWay.delete(reject));
  });
  lost.catch(() => socket.close(1012, "The service is restarting."));
};

/**
 * Must run after the trapped stack is unwound and before any call enters the module again: otherwise a closure of the
 * lost instance could be called in the new one. It is therefore called from the `catch` above (a trap before the first
 * suspension) and from the `error` event, which fires as soon as a microtask has thrown (any later trap).
 */
function replaceInstance(cause) {
  tell(cause);
  const error = new InstanceLost(cause);
  for (const reject of underWay) reject(error);
  underWay.clear();
  wasm.__wbg_reset_state();
}

addEventListener("error", (event) => replaceInstance(event.error));

export class Ledger extends DurableObject {
  #object;
  #instanceId;

  get #ledger() {
    if (this.#instanceId !== state.instanceId) {
      this.#object = new wasm.Ledger(this.ctx, this.env);
      this.#instanceId = state.instanceId;
    }
    return this.#object;
  }

  fetch(request) {
    return call(() => this.#ledger.fetch(request));
  }

  async alarm() {
    try {
      await call(() => this.#ledger.alarm());
    } catch {
      // The runtime drops an alarm that has thrown six times, and with it the due work. This one never throws.
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    try {
      return (await page(request, this.env)) ?? (await call(() => wasm.fetch(request, this.env, this.ctx)));
    } catch (error) {
      // If it were rethrown, the platform would answer with its own page, or pass the request on.
      if (!(error instanceof InstanceLost)) tell(error);
      return interrupted();
    }
  }
}

function tell(cause) {
  console.error(JSON.stringify({ level: "error", code: "INTERRUPTED", detail: String(cause?.stack ?? cause) }));
}

/**
 * The paths of pages and of everything they load. The build puts files only below these, and no API route is below
 * them.
 */
const PAGES = /^[a-z]+:\/\/[^/]+\/(?:console|docs|openapi\.json|style\.css)(?:[/?]|$)/;

/**
 * Serves static pages without the module; undefined if no such page exists. A request from a gateway is always
 * answered by the module, whatever its path, because a gateway treats any successful page as an authorization.
 */
async function page({ url, method, headers }, { ASSETS }) {
  if (!PAGES.test(url) || headers.has("x-counterfoil-gateway")) return undefined;
  // Redirects of pages are passed to the browser. Requests for pages have no body.
  const answer = await ASSETS.fetch(url, { method, headers, redirect: "manual" });
  return answer.status === 404 ? undefined : answer;
}

/** The one response that Rust cannot produce, in the API's format: a problem of RFC 9457. */
function interrupted() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  const request_id = `req_${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const problem = {
    type: "/docs/errors#INTERRUPTED",
    title: "Interrupted",
    status: 503,
    code: "INTERRUPTED",
    detail:
      "The request was interrupted. A change may or may not have been made. Check the current state, or retry with the same `Idempotency-Key`.",
    request_id,
  };
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "retry-after": "1",
    "x-request-id": request_id,
  };
  return new Response(JSON.stringify(problem), { status: 503, headers });
}
