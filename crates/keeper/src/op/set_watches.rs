//! setWatches and setWatches2: a client that reconnected sets its watches again, and is told first
//! what it missed.

use zookeeper_wire::{ErrorCode, SetWatches2Request, SetWatchesRequest};

use super::Read;

impl Read<'_> {
    pub(super) fn set_watches(&mut self, request: &SetWatchesRequest) -> Result<(), ErrorCode> {
        let SetWatchesRequest { relative_zxid, data, exist, child } = request.clone();
        let persistent = Vec::new();
        let persistent_recursive = Vec::new();
        self.set_watches2(&SetWatches2Request {
            relative_zxid,
            data,
            exist,
            child,
            persistent,
            persistent_recursive,
        })
    }

    pub(super) fn set_watches2(&mut self, request: &SetWatches2Request) -> Result<(), ErrorCode> {
        let missed = self.watches.rearm(self.database.tree(), self.watcher, request);
        self.missed.extend(missed);
        Ok(())
    }
}
