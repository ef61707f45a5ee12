// Runs inside workerd, in place of the worker: reads the databases that its objects left behind.

import { DurableObject } from "cloudflare:workers";

export class Ledger extends DurableObject {
  /** The rows that a query gives. */
  async fetch(request) {
    return Response.json(this.ctx.storage.sql.exec(await request.text()).toArray());
  }

  /** What the worker has armed is left undone. */
  alarm() {}
}

export default {};
