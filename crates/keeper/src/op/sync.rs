//! sync: the path comes back once this server has applied what its leader had when it was asked.

use zookeeper_wire::{ErrorCode, PathOnly};

use super::Read;

impl Read<'_> {
    pub(super) fn sync(&mut self, request: &PathOnly) -> Result<(), ErrorCode> {
        self.writer.text(&request.path);
        Ok(())
    }
}
