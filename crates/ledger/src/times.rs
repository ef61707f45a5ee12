//! Times that several modules go by, in milliseconds.

/// A day. UTC has no other here: leap seconds are not counted since 1970.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The longest wait after failures: how late at most the registry learns that it is up again.
pub(crate) const LONGEST_BACKOFF: u64 = 60_000;

/// How long to wait after so many failures in a row.
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
