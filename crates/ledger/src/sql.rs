//! What the ledger asks of its storage: SQLite's dialect, positional parameters, whole transactions.
//!
//! Two engines stand behind [`Sql`]: the SQLite storage of a Durable Object, and bundled SQLite in native tests. What
//! the ledger relies on in both is written down as a suite, the module `conformance`, which runs on both.

use counterfoil_protocol::{json, refusal::Refusal};
use counterfoil_verify::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// The largest integer that survives a trip through JavaScript: ECMAScript's `Number.MAX_SAFE_INTEGER`, 2⁵³ − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A database of one's own: nobody else reads or writes it, so statements never wait and never conflict.
pub trait Sql {
    /// Runs one statement with its parameters (`?`, by position), or several without any. The rows are the last one's.
    ///
    /// Integers may be bound as 64-bit floats: they are integers again once they lie in a column of that type, and
    /// compare as what they are. Whole floats may come back as integers. Beyond ±[`MAX_INTEGER`] a parameter is an
    /// error, and a result is never an integer: nothing ever comes back as another number than it was.
    ///
    /// # Errors
    /// [`SqlError`] where the engine refused a statement. Outside a [`transaction`](Self::transaction), what ran before
    /// it stays.
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// How many bytes the database takes up, without what deleted rows have left free.
    ///
    /// # Errors
    /// [`SqlError`] where the engine does not say.
    fn used(&self) -> Result<u64, SqlError>;

    /// Does the work, and keeps what it wrote only if it succeeds: on `Err` the database is what it was before.
    ///
    /// A transaction inside another is a savepoint: where it fails, its own writes are undone, and the outer one goes on
    /// as it sees fit.
    ///
    /// # Errors
    /// The work's own; or [`SqlError`] where the engine could not keep what was written, and then has not.
    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        Self: Sized;
}

/// A value in a column or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// An integer within ±[`MAX_INTEGER`].
    Integer(i64),
    /// A float. The ledger stores none.
    Real(f64),
    /// Text, UTF-8; may hold NUL.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// One row of a result: its values, by position.
///
/// By position because a join may well have two columns of one name.
#[derive(Clone, Debug)]
pub struct Row(std::vec::IntoIter<Value>);

/// The engine refused, or a value was not what the schema says. Says what, and holds no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SqlError(String);

/// A type that lies in a column.
pub trait FromValue: Sized {
    /// Reads it, or gives the value back.
    ///
    /// # Errors
    /// The value itself where it is none of this type.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl SqlError {
    /// An error in the engine's own words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Row {
    /// A row of these values.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Takes the next value, from left to right.
    ///
    /// # Errors
    /// [`SqlError`] where there is none, or one of another type.
    pub fn take<T: FromValue>(&mut self) -> Result<T, SqlError> {
        let value = self.0.next().ok_or_else(|| SqlError::new("a row has too few columns"))?;
        T::from_value(value).map_err(|value| {
            let (found, wanted) = (value.type_name(), std::any::type_name::<T>());
            SqlError(format!("a column holds {found} where {wanted} was expected"))
        })
    }

    /// Takes the next value, which is JSON text.
    ///
    /// # Errors
    /// [`SqlError`] where there is none, or none that reads as `T`.
    pub fn take_json<T: DeserializeOwned>(&mut self) -> Result<T, SqlError> {
        json::read(self.take::<String>()?.as_bytes()).ok_or_else(|| SqlError::new("a column holds unexpected JSON"))
    }

    /// The values not taken yet.
    pub fn rest(self) -> impl Iterator<Item = Value> {
        self.0
    }
}

impl Value {
    /// The value as JSON text.
    ///
    /// # Errors
    /// [`SqlError`] where it has no JSON form.
    pub fn json(value: &impl Serialize) -> Result<Self, SqlError> {
        serde_json::to_string(value).map(Self::Text).map_err(|_| SqlError::new("a value has no JSON form"))
    }

    /// Whether it is an integer that an engine must refuse.
    #[must_use]
    pub fn is_beyond_range(&self) -> bool {
        matches!(self, Self::Integer(integer) if integer.unsigned_abs() > MAX_INTEGER)
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a float",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(integer) => integer.try_into().map_err(|_| value),
            _ => Err(value),
        }
    }
}

impl FromValue for u16 {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).and_then(|integer| integer.try_into().map_err(|_| Value::from(integer)))
    }
}

impl FromValue for u8 {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).and_then(|integer| integer.try_into().map_err(|_| Value::from(integer)))
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            _ => Err(value),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Text(text) = value { Ok(text) } else { Err(value) }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Blob(bytes) = value { Ok(bytes) } else { Err(value) }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).map(Self)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<u64> for Value {
    /// What does not fit becomes an integer that every engine refuses.
    fn from(integer: u64) -> Self {
        Self::Integer(integer.try_into().unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::internal(error.to_string())
    }
}
