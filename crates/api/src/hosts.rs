//! Which workspace is reached by which host, as the directory told.
//!
//! A foreign token that comes with no word of its workspace is looked up by the host that it was sent to, and anybody can
//! invent such tokens. So an isolate remembers for a while what the directory said of a host, also that it has none: a
//! flood of inventions asks it every ten seconds.

use counterfoil_ledger::directory::Host;
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;

/// For how many milliseconds an answer is remembered: so long may a change of a workspace's hosts take to be seen.
const KEPT: u64 = 10_000;

/// The most hosts that are remembered. A deployment that is reached by more asks the directory more often.
const MOST: usize = 64;

/// What is remembered of hosts.
#[derive(Default)]
pub(crate) struct Hosts(Vec<Known>);

struct Known {
    host: Host,
    key: Option<WorkspaceKey>,
    until: Timestamp,
}

impl Hosts {
    /// The workspace of this host, if it has one, where that is known.
    pub(crate) fn look_up(&self, host: &Host, now: Timestamp) -> Option<Option<WorkspaceKey>> {
        self.0.iter().find(|known| known.host == *host && now < known.until).map(|known| known.key)
    }

    /// Remembers what the directory said just now.
    pub(crate) fn remember(&mut self, host: Host, key: Option<WorkspaceKey>, now: Timestamp) {
        self.0.retain(|known| known.host != host && now < known.until);
        if self.0.len() < MOST {
            self.0.push(Known { host, key, until: now.plus(KEPT) });
        }
    }
}
