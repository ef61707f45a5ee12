//! Counts of events in a simulation. A run with few events proves little.

use std::fmt;

/// What happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) checks: u64,
    pub(crate) hot: u64,
    pub(crate) passed: u64,
    pub(crate) unavailable: u64,
    /// Requests to the ledger, and how often a waiting caller polled.
    pub(crate) questions: u64,
    pub(crate) looks: u64,
    pub(crate) renewals: u64,
    pub(crate) changes: u64,
    pub(crate) waits: u64,
    /// `bounded` checks that accepted a token that was already invalid, and the longest time after that.
    pub(crate) after_death: u64,
    pub(crate) longest: u64,
    pub(crate) crashes: u64,
    /// Edition files that verifiers read, and those that were damaged.
    pub(crate) files: u64,
    pub(crate) spoilt: u64,
}

impl Counts {
    /// Asserts that enough happened for the run to be meaningful.
    pub(crate) fn assert_not_idle(&self) {
        assert!(self.hot * 10 > self.checks * 7, "too few checks are decided from the cache: {self}");
        assert!(self.after_death > 100, "no revoked token was accepted under a lease: {self}");
        assert!(self.unavailable * 5 < self.checks, "too few checks are decided: {self}");
        assert!(self.looks > 1_000, "no check waited for another one's request: {self}");
        assert!(self.longest > 5_000, "no lease expired: {self}");
        assert!(self.files > 500 && self.spoilt > 20, "no segments were loaded or found damaged: {self}");
        assert!(self.crashes > 20 && self.waits > 100 && self.renewals > 100, "{self}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            checks,
            hot,
            passed,
            unavailable,
            questions,
            looks,
            renewals,
            changes,
            waits,
            after_death,
            longest,
            crashes,
            files,
            spoilt,
        } = self;
        write!(
            f,
            "{checks} checks, {hot} from memory, {passed} passed, {unavailable} unavailable; {questions} questions, \
             {looks} looks at what others ask, {renewals} renewals; {changes} changes, {waits} waited for; {after_death} passed after death, {longest} ms at most; {crashes} crashes; {files} files \
             read, {spoilt} spoilt"
        )
    }
}
