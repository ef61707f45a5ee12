//! Durations that several modules use, in milliseconds.

/// A day. Unix time does not count leap seconds, so every day has this length.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The longest back-off after failures, and so the longest delay before the ledger notices that the registry is
/// available again.
pub(crate) const LONGEST_BACKOFF: u64 = 60_000;

/// The back-off after this number of consecutive failures.
pub(crate) fn backoff(attempts: u64) -> u64 {
    let doublings = attempts.saturating_sub(1).min(63);
    (1_000_u64.saturating_mul(1 << doublings)).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_from_a_second_to_a_minute() {
        let waits: Vec<u64> = (1..=8).map(backoff).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoff(u64::MAX), LONGEST_BACKOFF);
        assert_eq!(backoff(0), 1_000);
    }
}
