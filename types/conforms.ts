// What the npm package declares is what it has.

import type * as declared from "../crates/wasm/js/index.d.ts";
import * as written from "../crates/wasm/js/web.js";

written satisfies typeof declared;
