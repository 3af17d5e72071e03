//! getChildren2: the names of the children and the stat.

use zookeeper_wire::{ErrorCode, PathWatch};

use super::Read;

impl Read<'_> {
    pub(super) fn get_children2(&mut self, request: &PathWatch) -> Result<(), ErrorCode> {
        self.get_children(&request.path, request.watch)?;
        let id = self.readable(&request.path)?;
        self.writer.record(&self.database.tree().stat(id));
        Ok(())
    }
}
