//! For tests on workerd only: an object that fails on request, the storage conformance suite on the object's engine,
//! and the memory size of the instance.

use counterfoil_ledger::conformance::conformance;
use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use worker::{Response, Result, State};

use crate::sql::DurableSql;

/// Executes the action that the path names.
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn fault(path: &str, state: &State) -> Result<Response> {
    match path {
        "/panic" => panic!("a test asked for it"),
        "/restart" => {
            let raw: &JsValue = state.as_raw().as_ref();
            let abort: Function = Reflect::get(raw, &"abort".into())?.into();
            let abort = abort.bind1(raw, &"a test asked for it".into());
            // Deferred, so that it does not run inside the wasm instance, which other calls continue to use.
            let later: Function = Reflect::get(&js_sys::global(), &"setTimeout".into())?.into();
            later.call2(&JsValue::UNDEFINED, &abort, &0.into())?;
            Response::empty()
        }
        // Pages of 64 KiB, which are never released.
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
