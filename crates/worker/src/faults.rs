//! For tests on workerd only: an object that fails where asked, the storage conformance suite on its own engine, and how
//! much memory the instance takes.

use counterfoil_ledger::conformance::conformance;
use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use worker::{Response, Result, State};

use crate::sql::DurableSql;

/// Does what the path asks.
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn fault(path: &str, state: &State) -> Result<Response> {
    match path {
        "/panic" => panic!("a test asked for it"),
        "/restart" => {
            let raw: &JsValue = state.as_raw().as_ref();
            let abort: Function = Reflect::get(raw, &"abort".into())?.into();
            let abort = abort.bind1(raw, &"a test asked for it".into());
            // Not from within the wasm instance, which others go on with.
            let later: Function = Reflect::get(&js_sys::global(), &"setTimeout".into())?.into();
            later.call2(&JsValue::UNDEFINED, &abort, &0.into())?;
            Response::empty()
        }
        // Pages of 64 KiB; they are never given back.
        "/memory" => Response::ok((core::arch::wasm32::memory_size(0) << 16).to_string()),
        "/conformance" => {
            let sql = DurableSql::new(state).map_err(|error| error.to_string())?;
            match conformance(&sql) {
                Ok(()) => Response::ok("conforms"),
                Err(failure) => Response::error(failure, 500),
            }
        }
        _ => Response::error("no such fault", 404),
    }
}
