//! removeWatches: takes such watches of this connection away.

use znode::WatchKind;
use zookeeper_wire::{ErrorCode, WatchesRequest};

use super::Read;

impl Read<'_> {
    pub(super) fn remove_watches(&mut self, request: &WatchesRequest) -> Result<(), ErrorCode> {
        let kind = WatchKind::from_wire(request.kind).ok_or(ErrorCode::MARSHALLING_ERROR)?;
        if self.watches.remove(&request.path, self.watcher, kind) {
            Ok(())
        } else {
            Err(ErrorCode::NO_WATCHER)
        }
    }
}
