// The entry module of the bundle: it hands requests to the wasm module and outlives it when it traps.
//
// A Rust panic is a wasm trap. The call that trapped, and every other call that was under way in the same
// instance, would then wait for ever: the code that was to settle their promises is gone. So each call is entered
// in `underWay`, and a trap rejects all of them at once and puts a fresh instance in place of the broken one.
// Objects made by the lost instance are made anew on their next call; what they held in memory is lost, what they
// had stored is not.
//
// A rejection from within another request's turn reaches its caller only while that caller's request still waits for
// something: else the runtime ends it as hung, at once and with an answer of its own. Every call that Rust makes of an
// object has a timeout, and a timer is something to wait for.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import "./identity.mjs";
import * as wasm from "./index.js";

/** When an alarm that failed is tried again. */
const ALARM_RETRY_MS = 5000;

/** Counts instances: `instanceId` changes each time the module is instantiated. */
const state = wasm.__worker_init_state();

class InstanceLost extends Error {
  constructor(cause) {
    super("the wasm instance trapped while this call was under way", { cause });
  }
}

/** How to reject each of the calls under way; a socket that is open is one. */
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
 * For Rust, which answers the frames of this socket: closes it if the instance is lost, so that whoever waits at its far
 * end connects again (RFC 6455, section 7.4.1, and IANA's registry of its codes: 1012 is a service that restarts).
 */
globalThis.closeWhenLost = (socket) => {
  const lost = new Promise((_, reject) => {
    underWay.add(reject);
    for (const end of ["close", "error"]) socket.addEventListener(end, () => underWay.delete(reject));
  });
  lost.catch(() => socket.close(1012, "The service restarts."));
};

/**
 * Must run once the trapped stack is unwound and before anything enters the module again: a closure of the lost
 * instance that fired in between would be called in the new one. Hence from the `catch` above (a trap before the
 * first suspension) and from the `error` event, which comes as soon as a microtask has thrown (any later trap).
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
      // The runtime drops an alarm that has thrown six times, and with it what is due. This one never throws.
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    try {
      return (await page(request, this.env)) ?? (await call(() => wasm.fetch(request, this.env, this.ctx)));
    } catch (error) {
      // Thrown on, it would be the platform's to answer: with a page of its own, or by passing the request on.
      if (!(error instanceof InstanceLost)) tell(error);
      return interrupted();
    }
  }
}

function tell(cause) {
  console.error(JSON.stringify({ level: "error", code: "INTERRUPTED", detail: String(cause?.stack ?? cause) }));
}

/** Where pages are, and all that they load: what the build gathers is below these, and no route is. */
const PAGES = /^[a-z]+:\/\/[^/]+\/(?:console|docs|openapi\.json|style\.css)(?:[/?]|$)/;

/**
 * What people's browsers get as it stands, without the module; none where there is no such page. A gateway's question is
 * answered by the module alone, wherever its path leads: to the gateway any page would be a yes.
 */
async function page({ url, method, headers }, { ASSETS }) {
  if (!PAGES.test(url) || headers.has("x-counterfoil-gateway")) return undefined;
  // Where a page is elsewhere its browser is told so. No page takes a body.
  const answer = await ASSETS.fetch(url, { method, headers, redirect: "manual" });
  return answer.status === 404 ? undefined : answer;
}

/** The one answer that Rust cannot give, in the API's own form: a problem of RFC 9457. */
function interrupted() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  const request_id = `req_${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const problem = {
    type: "/docs/errors#INTERRUPTED",
    title: "Interrupted",
    status: 503,
    code: "INTERRUPTED",
    detail: "The request was cut short. A change may or may not have been made: read before you repeat it.",
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
