// No guard: every request reaches the origin.

import { forward } from "./forward.mjs";

export default { fetch: forward };
