//! Snapshots from files.

use counterfoil_verify::{RecordError, Snapshot, SnapshotError, Timestamp};

use crate::contract::SnapshotFault;

/// Opens a snapshot that is valid at `now`. Its signature is not verified.
pub(crate) fn open(file: &[u8], now: Timestamp) -> Result<Snapshot, SnapshotFault> {
    let snapshot = Snapshot::open(file).map_err(|error| match error {
        SnapshotError::Head(RecordError::UnknownFormat) => SnapshotFault::UnknownFormat,
        _ => SnapshotFault::Malformed,
    })?;
    if now < snapshot.expires_at() { Ok(snapshot) } else { Err(SnapshotFault::Expired) }
}
