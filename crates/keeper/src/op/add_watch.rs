//! addWatch: a watch that stays, on the path or on all below it. The znode need not exist.

use zookeeper_wire::{AddWatchRequest, ErrorCode};

use super::Read;

impl Read<'_> {
    pub(super) fn add_watch(&mut self, request: &AddWatchRequest) -> Result<(), ErrorCode> {
        match request.mode {
            0 => self.watches.watch_persistently(&request.path, self.watcher),
            1 => self.watches.watch_recursively(&request.path, self.watcher),
            _ => return Err(ErrorCode::MARSHALLING_ERROR),
        }
        self.writer.i32(0);
        Ok(())
    }
}
