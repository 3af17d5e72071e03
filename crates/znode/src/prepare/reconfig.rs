//! reconfig, as far as the tree is concerned: WRITE on its znode, whose data it becomes. The version of
//! that znode is always -1, so that no expectation but "any" is met there.

use bytes::Bytes;
use zookeeper_wire::txn::SetDataTxn;
use zookeeper_wire::{ErrorCode, Permissions};

use super::Desk;
use crate::tree::CONFIG;

/// What the original writes in the place of a version.
const NO_VERSION: i32 = -1;

impl Desk<'_> {
    pub(super) fn reconfig(&mut self, membership: &str) -> Result<SetDataTxn, ErrorCode> {
        let mut node = self.node(CONFIG)?;
        self.permit(&node.acl, Permissions::WRITE)?;
        node.stat.version = NO_VERSION;
        node.stat.mtime = self.asked.time_ms;
        node.stat.mzxid = self.asked.zxid;
        node.set_data(CONFIG, Some(membership.as_bytes()));
        self.change(CONFIG, node);
        let data = Some(Bytes::copy_from_slice(membership.as_bytes()));
        Ok(SetDataTxn { path: CONFIG.to_owned(), data, version: NO_VERSION })
    }
}
