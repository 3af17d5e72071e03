//! What a shard counts, readable from other threads at any time.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of one shard. All but `connections` and `handshakes` only grow.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* $name: AtomicU64,)*
        }

        impl Counters {
            $($(#[$doc])* pub fn $name(&self) -> u64 {
                self.$name.load(Ordering::Relaxed)
            })*
        }

        /// The shard's own side, written to [`Counters`] once a turn.
        #[derive(Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: u64,)*
        }

        impl Tally {
            pub(crate) fn publish(&self, counters: &Counters) {
                $(counters.$name.store(self.$name, Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    /// Connections that are open now.
    connections,
    /// Connections accepted since the start.
    accepted,
    /// Connections refused because of a limit.
    refused,
    /// TLS handshakes under way now.
    handshakes,
    /// Connections refused because too many of those were; they are among the refused.
    handshakes_refused,
    /// Connections that ended in the middle of one.
    handshakes_failed,
    /// Connections closed because they broke the framing rules.
    malformed,
    /// Connections closed because their client did not read.
    overflowed,
    /// Connections closed because nothing was heard of them.
    idled_out,
    /// Frames received.
    frames_in,
    /// Frames sent.
    frames_out,
    /// Bytes received.
    bytes_in,
    /// Bytes written.
    bytes_out,
    /// Turns of the loop.
    turns,
}
