//! [`Sql`] over the SQLite storage of a Durable Object.

use counterfoil_ledger::sql::{Row, Sql, SqlError, Value};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{SqlStorage, SqlStorageValue, State};

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage`, with the one method that workers-rs does not bind.
    type SyncTransactions;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &SyncTransactions,
        work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// A Durable Object's database.
pub(crate) struct DurableSql {
    sql: SqlStorage,
    storage: JsValue,
}

impl DurableSql {
    pub(crate) fn new(state: &State) -> Result<Self, SqlError> {
        let raw: &JsValue = state.as_raw().as_ref();
        let storage = js_sys::Reflect::get(raw, &"storage".into()).map_err(|error| js_error(&error))?;
        Ok(Self { sql: state.storage().sql(), storage })
    }
}

impl Sql for DurableSql {
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        if parameters.iter().any(Value::is_beyond_range) {
            return Err(SqlError::new("an integer is beyond what JavaScript can hold"));
        }
        let bindings: Vec<_> = parameters.iter().cloned().map(bind).collect();
        let cursor = self.sql.exec(sql, bindings).map_err(worker_error)?;
        cursor.raw().map(|row| read(row.map_err(worker_error)?)).collect()
    }

    /// `databaseSize`, which excludes free pages. The bindings of workers-rs truncate it to 32 bits, that is 4 GB.
    fn used(&self) -> Result<u64, SqlError> {
        let get = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).map_err(|error| js_error(&error));
        let size = get(&get(&self.storage, "sql")?, "databaseSize")?;
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

fn bind(value: Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(integer) => SqlStorageValue::Integer(integer),
        Value::Real(float) => SqlStorageValue::Float(float),
        Value::Text(text) => SqlStorageValue::String(text),
        Value::Blob(bytes) => SqlStorageValue::Blob(bytes),
    }
}

fn read(row: Vec<SqlStorageValue>) -> Result<Row, SqlError> {
    let value = |value| match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(flag) => Value::Integer(flag.into()),
        SqlStorageValue::Integer(integer) => Value::Integer(integer),
        SqlStorageValue::Float(float) => Value::Real(float),
        SqlStorageValue::String(text) => Value::Text(text),
        SqlStorageValue::Blob(bytes) => Value::Blob(bytes),
    };
    Ok(Row::new(row.into_iter().map(value).collect()))
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn worker_error(error: worker::Error) -> SqlError {
    SqlError::new(error.to_string())
}

fn js_error(error: &JsValue) -> SqlError {
    SqlError::new(format!("{error:?}"))
}
