//! delete, and deleteContainer, which only the reaper asks for.
//!
//! Order of the checks: path, parent, DELETE on the parent, existence, version, children.

use zookeeper_wire::txn::DeleteTxn;
use zookeeper_wire::{DeleteRequest, ErrorCode, Permissions};

use super::outstanding::Pending;
use super::{Desk, next_version, parent_of};
use crate::owner::Owner;
use crate::tree::is_special;

impl Desk<'_> {
    pub(super) fn delete(&mut self, request: DeleteRequest) -> Result<DeleteTxn, ErrorCode> {
        let path = request.path;
        let parent_path = deletable(&path)?;
        let parent = self.node(parent_path)?;
        self.permit(&parent.acl, Permissions::DELETE)?;
        let node = self.node(&path)?;
        next_version(node.stat.version, request.version)?;
        if node.children > 0 {
            return Err(ErrorCode::NOT_EMPTY);
        }
        self.take_away(&path, &node)?;
        Ok(DeleteTxn { path })
    }

    pub(super) fn delete_container(&mut self, path: String) -> Result<DeleteTxn, ErrorCode> {
        deletable(&path)?;
        let node = self.node(&path)?;
        if node.children > 0 {
            return Err(ErrorCode::NOT_EMPTY);
        }
        let extended = self.tree.extended_types();
        match Owner::from_stored(node.stat.ephemeral_owner, extended) {
            Owner::Container | Owner::TimeToLive(_) => {}
            Owner::Nobody | Owner::Session(_) => return Err(ErrorCode::BAD_VERSION),
        }
        self.take_away(&path, &node)?;
        Ok(DeleteTxn { path })
    }

    /// Records that the znode will be gone and its parent changed.
    pub(super) fn take_away(&mut self, path: &str, node: &Pending) -> Result<(), ErrorCode> {
        let parent_path = parent_of(path)?;
        let mut parent = self.node(parent_path)?;
        parent.children = parent.children.saturating_sub(1);
        parent.stat.pzxid = self.asked.zxid;
        self.change(parent_path, parent);
        self.outstanding.remove(self.tree, self.asked.zxid, path, node);
        Ok(())
    }
}

/// The parent's path, unless this is a znode that always stays.
fn deletable(path: &str) -> Result<&str, ErrorCode> {
    if is_special(path) { Err(ErrorCode::BAD_ARGUMENTS) } else { parent_of(path) }
}
