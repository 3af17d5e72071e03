//! check, inside a multi. Order of the checks: path, existence, READ, version.

use zookeeper_wire::txn::CheckVersionTxn;
use zookeeper_wire::{CheckVersionRequest, ErrorCode, Permissions};

use super::{Desk, next_version, validate};

impl Desk<'_> {
    pub(super) fn check(&mut self, request: CheckVersionRequest) -> Result<CheckVersionTxn, ErrorCode> {
        let CheckVersionRequest { path, version } = request;
        validate(&path)?;
        let node = self.node(&path)?;
        self.permit(&node.acl, Permissions::READ)?;
        let version = next_version(node.stat.version, version)?;
        Ok(CheckVersionTxn { path, version })
    }
}
