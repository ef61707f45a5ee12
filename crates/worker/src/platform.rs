//! What the platform is asked for: its clock, random bytes, an end to waiting; and the addresses of its objects.

use std::{future::Future, time::Duration};

use counterfoil_api::Unreachable;
use counterfoil_verify::Timestamp;
use futures_util::future::{Either, select};
use worker::Delay;

/// The address of a workspace's ledger, within its object.
pub(crate) const LEDGER: &str = "https://ledger/ledger";

/// The address of the directory, within its object.
pub(crate) const DIRECTORY: &str = "https://ledger/directory";

/// The work's outcome, or [`Unreachable`] where it takes too long.
pub(crate) async fn within<T, E: std::fmt::Display>(
    patience: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Unreachable> {
    let work = std::pin::pin!(work);
    match select(work, Delay::from(patience)).await {
        Either::Left((outcome, _)) => outcome.map_err(|error| Unreachable(error.to_string())),
        Either::Right(_) => Err(Unreachable(format!("no answer within {} s", patience.as_secs()))),
    }
}

/// The platform's clock. Within one turn of the event loop it stands still.
#[expect(clippy::disallowed_methods, reason = "this is the adapter through which time comes in")]
pub(crate) fn now() -> Timestamp {
    Timestamp(worker::Date::now().as_millis())
}

/// The platform's cryptographic randomness.
#[expect(clippy::disallowed_methods, reason = "this is the adapter through which random bytes come in")]
pub(crate) fn random(bytes: &mut [u8]) {
    // Web Crypto fails for slices above 64 KiB only. Were it to fail, these bytes are the ones that every draw of a
    // secret rejects: nothing guessable is ever minted.
    if getrandom::fill(bytes).is_err() {
        bytes.fill(0xff);
    }
}
