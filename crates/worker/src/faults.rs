//! For tests on workerd only: an object that fails where asked, and the storage conformance suite on its own engine.

use counterfoil_ledger::conformance::conformance;
use worker::{Response, Result, State};

use crate::sql::DurableSql;

/// Does what the path asks.
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn fault(path: &str, state: &State) -> Result<Response> {
    match path {
        "/panic" => panic!("a test asked for it"),
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
