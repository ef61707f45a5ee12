//! [`Sql`] over the SQLite storage of a Durable Object.

use std::cell::Cell;

use counterfoil_ledger::sql::{Row, Sql, SqlError, Value};
use js_sys::{Array, Error, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::State;

use crate::rows;

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage`, with the one method that workers-rs does not bind.
    type SyncTransactions;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &SyncTransactions,
        work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;

    /// Defined by `js/calls.mjs`: executes a statement and returns its rows.
    #[wasm_bindgen(catch, js_name = rowsOf)]
    fn rows_of(sql: &JsValue, text: &str, parameters: &Array) -> Result<Uint8Array, JsValue>;
}

/// A Durable Object's database.
pub(crate) struct DurableSql {
    sql: JsValue,
    storage: JsValue,
    has_written: Cell<bool>,
}

impl DurableSql {
    pub(crate) fn new(state: &State) -> Result<Self, SqlError> {
        let raw: &JsValue = state.as_raw().as_ref();
        let storage = get(raw, "storage")?;
        Ok(Self { sql: get(&storage, "sql")?, storage, has_written: Cell::new(true) })
    }

    /// Whether anything may have been written since this was last asked, or the instance started.
    pub(crate) fn take_has_written(&self) -> bool {
        self.has_written.replace(false)
    }
}

impl Sql for DurableSql {
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        if parameters.iter().any(Value::is_beyond_range) {
            return Err(SqlError::new("an integer is beyond what JavaScript can hold"));
        }
        if !sql.starts_with("SELECT") {
            self.has_written.set(true);
        }
        let parameters: Array = parameters.iter().map(bind).collect();
        let rows = rows_of(&self.sql, sql, &parameters).map_err(|error| js_error(&error))?;
        rows::decode(&rows.to_vec())
    }

    /// `databaseSize`, which excludes free pages. The bindings of workers-rs truncate it to 32 bits, that is 4 GB.
    fn used(&self) -> Result<u64, SqlError> {
        let size = get(&self.sql, "databaseSize")?;
        size.as_f64().map(|size| size as u64).ok_or_else(|| SqlError::new("the storage does not say its size"))
    }

    /// `transactionSync` opens a savepoint and rolls it back if its callback throws: on `Err`, and on a trap.
    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut work = Some(work);
        let mut outcome = None;
        let mut run = || {
            let result = work.take().map(|work| work());
            let keep = matches!(result, Some(Ok(_)));
            outcome = result;
            if keep { Ok(JsValue::UNDEFINED) } else { Err(JsValue::NULL) }
        };
        let storage: &SyncTransactions = self.storage.unchecked_ref();
        match (storage.transaction_sync(&mut run), outcome) {
            (_, Some(Err(error))) => Err(error),
            (Ok(_), Some(Ok(value))) => Ok(value),
            (Err(error), _) => Err(js_error(&error).into()),
            (Ok(_), None) => Err(SqlError::new("the transaction's work was not called").into()),
        }
    }
}

fn get(of: &JsValue, name: &str) -> Result<JsValue, SqlError> {
    Reflect::get(of, &name.into()).map_err(|error| js_error(&error))
}

fn bind(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        // No parameter is beyond what JavaScript represents exactly.
        Value::Integer(integer) => JsValue::from(*integer as f64),
        Value::Real(float) => JsValue::from(*float),
        Value::Text(text) => JsValue::from(text.as_str()),
        Value::Blob(bytes) => Uint8Array::from(bytes.as_slice()).into(),
    }
}

fn js_error(error: &JsValue) -> SqlError {
    SqlError::new(error.dyn_ref().map_or_else(|| format!("{error:?}"), |error: &Error| String::from(error.to_string())))
}
