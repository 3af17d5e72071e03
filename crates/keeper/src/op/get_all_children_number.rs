//! getAllChildrenNumber: how many descendants.

use zookeeper_wire::{ErrorCode, PathOnly};

use super::Read;

impl Read<'_> {
    pub(super) fn get_all_children_number(&mut self, request: &PathOnly) -> Result<(), ErrorCode> {
        let id = self.readable(&request.path)?;
        // The original finds its root under two names, and by the empty one counts the other.
        let alias = usize::from(request.path.is_empty());
        let count = self.database.tree().descendant_count(id) + alias;
        self.writer.i32(i32::try_from(count).unwrap_or(i32::MAX));
        Ok(())
    }
}
