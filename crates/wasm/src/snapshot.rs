//! Snapshots from files.

use counterfoil_verify::{RecordError, Snapshot, SnapshotError, Timestamp};

/// Why a snapshot was not taken. The numbers are known to the JavaScript side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    UnknownFormat = -1,
    Malformed = -2,
    Expired = -3,
}

/// Opens a snapshot that counts at `now`. Who signed it is not looked at.
pub(crate) fn open(file: &[u8], now: Timestamp) -> Result<Snapshot, Untaken> {
    let snapshot = Snapshot::open(file).map_err(|error| match error {
        SnapshotError::Head(RecordError::UnknownFormat) => Untaken::UnknownFormat,
        _ => Untaken::Malformed,
    })?;
    if now < snapshot.expires_at() { Ok(snapshot) } else { Err(Untaken::Expired) }
}
