//! getChildren: the names of the children, in no order.

use zookeeper_wire::ErrorCode;

use super::Read;

impl Read<'_> {
    pub(super) fn get_children(&mut self, path: &str, watch: bool) -> Result<(), ErrorCode> {
        let id = self.readable(path)?;
        if watch {
            self.watches.watch_children(path, self.watcher);
        }
        let tree = self.database.tree();
        self.writer.length(tree.child_count(id));
        for child in tree.children(id) {
            self.writer.buffer(Some(tree.name(child)));
        }
        Ok(())
    }
}
