//! Decodes the rows that `js/calls.mjs` encodes. The storage conformance suite tests both.

use counterfoil_ledger::sql::{MAX_INTEGER, Row, SqlError, Value};

const END_OF_ROW: u8 = 0;
const NULL: u8 = 1;
const NUMBER: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Decodes all rows.
///
/// # Errors
/// [`SqlError`] if they end within a row, or have a value of no known kind.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Row>, SqlError> {
    read(bytes).ok_or_else(|| SqlError::new("the rows are not encoded as expected"))
}

fn read(mut bytes: &[u8]) -> Option<Vec<Row>> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        match *kind {
            END_OF_ROW => rows.push(Row::new(core::mem::take(&mut row))),
            NULL => row.push(Value::Null),
            NUMBER => row.push(number(f64::from_le_bytes(take(&mut bytes)?))),
            kind @ (TEXT | BLOB) => {
                let length = u32::from_le_bytes(take(&mut bytes)?);
                let (content, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                bytes = rest;
                let content = content.to_vec();
                row.push(if kind == TEXT {
                    Value::Text(String::from_utf8(content).ok()?)
                } else {
                    Value::Blob(content)
                });
            }
            _ => return None,
        }
    }
    row.is_empty().then_some(rows)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// JavaScript does not distinguish integers from floats.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "within ±MAX_INTEGER both are exact")]
fn number(value: f64) -> Value {
    let is_integer = value.fract() == 0.0 && value.abs() <= MAX_INTEGER as f64;
    if is_integer { Value::Integer(value as i64) } else { Value::Real(value) }
}
