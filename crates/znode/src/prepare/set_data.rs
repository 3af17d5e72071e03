//! setData. Order of the checks: path, existence, WRITE, quota, version.

use bytes::Bytes;
use zookeeper_wire::txn::SetDataTxn;
use zookeeper_wire::{ErrorCode, Permissions, SetDataRequest};

use super::{Desk, next_version, validate};

impl Desk<'_> {
    pub(super) fn set_data(&mut self, request: SetDataRequest) -> Result<SetDataTxn, ErrorCode> {
        let SetDataRequest { path, data, version } = request;
        validate(&path)?;
        let mut node = self.node(&path)?;
        self.permit(&node.acl, Permissions::WRITE)?;
        let bytes = data.as_ref().map_or(0, Bytes::len) as i64;
        self.check_quota(&path, 0, bytes - node.data_length as i64)?;
        let version = next_version(node.stat.version, version)?;
        node.stat.version = version;
        node.stat.mtime = self.asked.time_ms;
        node.stat.mzxid = self.asked.zxid;
        node.set_data(&path, data.as_deref());
        self.change(&path, node);
        Ok(SetDataTxn { path, data, version })
    }
}
