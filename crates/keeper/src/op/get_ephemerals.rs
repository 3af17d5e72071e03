//! getEphemerals: the paths of this session's ephemeral znodes under a prefix.

use zookeeper_wire::{ErrorCode, PathOnly};

use super::Read;

impl Read<'_> {
    pub(super) fn get_ephemerals(&mut self, request: &PathOnly) -> Result<(), ErrorCode> {
        let tree = self.database.tree();
        let prefix = match request.path.trim() {
            "" | "/" => "",
            _ => &request.path,
        };
        let paths: Vec<String> = tree
            .ephemerals(self.session)
            .map(|id| tree.path(id))
            .filter(|path| path.starts_with(prefix))
            .collect();
        self.writer.record(&paths);
        Ok(())
    }
}
