//! exists: the stat. The watch is left even if there is no such znode: it tells of the creation.

use zookeeper_wire::{ErrorCode, PathWatch};

use super::Read;

impl Read<'_> {
    pub(super) fn exists(&mut self, request: &PathWatch) -> Result<(), ErrorCode> {
        if request.path.contains('\0') {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let found = self.readable(&request.path);
        if found == Err(ErrorCode::NO_AUTH) {
            return Err(ErrorCode::NO_AUTH);
        }
        if request.watch {
            self.watches.watch_data(&request.path, self.watcher);
        }
        let stat = self.database.tree().stat(found?);
        self.writer.record(&stat);
        Ok(())
    }
}
