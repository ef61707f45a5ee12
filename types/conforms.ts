// What the npm package declares is what it has.

import type * as declaredBare from "../crates/wasm/js/bare.d.ts";
import * as bare from "../crates/wasm/js/bare.js";
import type * as declared from "../crates/wasm/js/index.d.ts";
import * as written from "../crates/wasm/js/web.js";

bare satisfies typeof declaredBare;
written satisfies typeof declared;
