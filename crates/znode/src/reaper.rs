//! Containers whose children are gone, and znodes whose time to live is over: the leader looks for
//! them now and then and deletes them by transaction. Source: `ContainerManager`.

use crate::node::NodeId;
use crate::owner::Owner;
use crate::tree::Tree;

impl Tree {
    /// Paths that may go now, at most `limit`. `time_ms` is the wall clock; a container that never
    /// had a child goes after `never_used_ms`, or never if that is zero.
    pub fn reapable(&self, time_ms: i64, never_used_ms: i64, limit: usize) -> Vec<String> {
        let due = |&id: &NodeId| {
            if self.child_count(id) > 0 {
                return false;
            }
            let stat = self.stored_stat(id);
            let unchanged_ms = time_ms.saturating_sub(stat.mtime);
            match self.owner(id) {
                Owner::Container if stat.child_version > 0 => true,
                Owner::Container => never_used_ms != 0 && unchanged_ms > never_used_ms,
                Owner::TimeToLive(ms) => ms != 0 && unchanged_ms > ms,
                Owner::Nobody | Owner::Session(_) => false,
            }
        };
        self.mortals().filter(due).take(limit).map(|id| self.path(id)).collect()
    }
}
