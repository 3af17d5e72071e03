//! Log lines about peers that misbehave: each is told, a flood of them is counted.

use clock::Moment;
use std::fmt::Display;
use std::net::SocketAddr;

use crate::limits::COMPLAINTS_A_SECOND_MAX;

/// Tells the first few complaints of each second, and how many more there were.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    second: u64,
    told: u32,
    untold: u64,
}

impl Complaints {
    /// One connection's end, for the log.
    pub(crate) fn tell(&mut self, now: Moment, peer: SocketAddr, why: impl Display) {
        let second = now.as_ms() / 1000;
        if second != self.second {
            if self.untold > 0 {
                tracing::warn!(connections = self.untold, "closed for such reasons, besides those told");
            }
            *self = Complaints { second, told: 0, untold: 0 };
        }
        if self.told == COMPLAINTS_A_SECOND_MAX {
            self.untold += 1;
            return;
        }
        self.told += 1;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        tracing::warn!(%peer, "closing a connection: {why}");
    }
}
