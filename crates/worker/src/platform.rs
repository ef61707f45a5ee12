//! Platform functions: clock, random bytes, timeouts; and the addresses of its objects.

use std::{future::Future, time::Duration};

use counterfoil_api::Unreachable;
use counterfoil_verify::Timestamp;
use futures_util::future::{Either, select};
use worker::Delay;

/// The URL of a workspace's ledger, within its object.
pub(crate) const LEDGER: &str = "https://ledger/ledger";

/// The URL of the directory, within its object.
pub(crate) const DIRECTORY: &str = "https://ledger/directory";

/// The result of `work`, or [`Unreachable`] on a timeout.
pub(crate) async fn within<T, E: std::fmt::Display>(
    timeout: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Unreachable> {
    let work = std::pin::pin!(work);
    match select(work, Delay::from(timeout)).await {
        Either::Left((outcome, _)) => outcome.map_err(|error| Unreachable(error.to_string())),
        Either::Right(_) => Err(Unreachable(format!("no response within {} s", timeout.as_secs()))),
    }
}

/// The platform's clock. It does not advance within one turn of the event loop.
#[expect(clippy::disallowed_methods, reason = "this is the adapter through which time comes in")]
pub(crate) fn now() -> Timestamp {
    Timestamp(worker::Date::now().as_millis())
}

/// The platform's cryptographic random generator.
#[expect(clippy::disallowed_methods, reason = "this is the adapter through which random bytes come in")]
pub(crate) fn random(bytes: &mut [u8]) {
    // Web Crypto only fails for slices above 64 KiB. If it failed, every generator of secrets rejects these bytes, so
    // nothing guessable is ever created.
    if getrandom::fill(bytes).is_err() {
        bytes.fill(0xff);
    }
}
