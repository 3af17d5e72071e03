//! setACL. Order of the checks: path, list, existence, ADMIN, version.

use zookeeper_wire::txn::SetAclTxn;
use zookeeper_wire::{ErrorCode, Permissions, SetAclRequest};

use super::{Desk, next_version, validate};
use crate::acl;

impl Desk<'_> {
    pub(super) fn set_acl(&mut self, request: SetAclRequest) -> Result<SetAclTxn, ErrorCode> {
        let SetAclRequest { path, acl, version } = request;
        validate(&path)?;
        let acl = acl::resolve(acl, self.asked.identities, self.rules.schemes)?;
        let mut node = self.node(&path)?;
        self.permit(&node.acl, Permissions::ADMIN)?;
        let version = next_version(node.stat.acl_version, version)?;
        node.stat.acl_version = version;
        node.acl = self.tree.acls.share(&acl);
        self.change(&path, node);
        Ok(SetAclTxn { path, acl, version })
    }
}
