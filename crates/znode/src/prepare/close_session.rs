//! closeSession: the session ends, and its ephemeral znodes with it.

use zookeeper_wire::ErrorCode;
use zookeeper_wire::txn::{DeleteTxn, Txn};

use super::{Asked, Desk, Outstanding, Prepared, Rules};
use crate::limits::OWN_TXN_BYTES_MAX;
use crate::tree::Tree;

impl Outstanding {
    /// What must go before the session may end, because it has more ephemeral znodes than one
    /// transaction should name: the deletion of some. `None` once the end itself can be prepared.
    pub fn prepare_farewell(&mut self, tree: &Tree, rules: &Rules, asked: &Asked<'_>) -> Option<Prepared> {
        let paths = self.ephemerals(tree, asked.session);
        let mut bytes = 0;
        let mut fits = |path: &&String| {
            bytes += path.len() + MEMBER_BYTES;
            bytes <= OWN_TXN_BYTES_MAX
        };
        let count = paths.iter().take_while(&mut fits).count();
        if count == paths.len() {
            return None;
        }
        let mut desk = Desk { tree, rules, asked, outstanding: self };
        // A path as long as a frame still goes, alone.
        let deletes = paths.into_iter().take(count.max(1)).map(|path| {
            let node = desk.node(&path)?;
            desk.take_away(&path, &node)?;
            Ok(Txn::Delete(DeleteTxn { path }))
        });
        let deletes: Result<Vec<Txn>, ErrorCode> = deletes.collect();
        let txn = Txn::Multi(deletes.expect("what a session owns is there, and so is its parent"));
        Some(Prepared { txn, digest: self.txn_digest(tree, rules) })
    }
}

/// Bytes around a path in a multi.
const MEMBER_BYTES: usize = 12;

impl Desk<'_> {
    /// The znodes that go, in order of their paths.
    pub(super) fn close_session(&mut self) -> Result<Vec<String>, ErrorCode> {
        let paths = self.outstanding.ephemerals(self.tree, self.asked.session);
        for path in &paths {
            let node = self.node(path)?;
            self.take_away(path, &node)?;
        }
        Ok(paths.into_iter().collect())
    }
}
