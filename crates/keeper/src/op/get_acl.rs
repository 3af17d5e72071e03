//! getACL: list and stat, for those who may read or administer; only the latter see the hashes of
//! passwords.

use znode::{masked, permits};
use zookeeper_wire::{Acl, ErrorCode, PathOnly, Permissions};

use super::Read;

impl Read<'_> {
    pub(super) fn get_acl(&mut self, request: &PathOnly) -> Result<(), ErrorCode> {
        let id = self.permitted(&request.path, Permissions::READ | Permissions::ADMIN)?;
        let tree = self.database.tree();
        let list = tree.acl(id);
        let whole = self.skip_acl || permits(list, Permissions::ADMIN, self.identities);
        let shown: Vec<Acl> = if whole { list.to_vec() } else { masked(list) };
        self.writer.record(&shown);
        self.writer.record(&tree.stat(id));
        Ok(())
    }
}
