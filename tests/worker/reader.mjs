// Runs inside workerd in place of the worker: reads the databases that its objects have stored.

import { DurableObject } from "cloudflare:workers";

export class Ledger extends DurableObject {
  /** The rows of a query. */
  async fetch(request) {
    return Response.json(this.ctx.storage.sql.exec(await request.text()).toArray());
  }

  /** Ignores the alarm that the worker has set. */
  alarm() {}
}

export default {};
