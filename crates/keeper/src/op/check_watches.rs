//! checkWatches: is there such a watch of this connection?

use znode::WatchKind;
use zookeeper_wire::{ErrorCode, WatchesRequest};

use super::Read;

impl Read<'_> {
    pub(super) fn check_watches(&mut self, request: &WatchesRequest) -> Result<(), ErrorCode> {
        let kind = WatchKind::from_wire(request.kind).ok_or(ErrorCode::MARSHALLING_ERROR)?;
        if self.watches.contains(&request.path, self.watcher, kind) {
            Ok(())
        } else {
            Err(ErrorCode::NO_WATCHER)
        }
    }
}
