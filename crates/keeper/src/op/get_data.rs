//! getData: data and stat. No watch is left on a znode that is not there.

use zookeeper_wire::ErrorCode;

use super::Read;

impl Read<'_> {
    pub(super) fn get_data(&mut self, path: &str, watch: bool) -> Result<(), ErrorCode> {
        let id = self.readable(path)?;
        if watch {
            self.watches.watch_data(path, self.watcher);
        }
        let tree = self.database.tree();
        self.writer.buffer(tree.data(id));
        self.writer.record(&tree.stat(id));
        Ok(())
    }
}
