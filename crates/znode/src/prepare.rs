//! From a request to a transaction, judged against the tree as it will be once everything already
//! prepared has been applied.
//!
//! A request that fails still makes a transaction, of its error. The order in which the rules of an
//! operation are checked is the original's, since clients can tell which one failed first. Source:
//! `PrepRequestProcessor`.

mod check;
mod close_session;
mod create;
mod delete;
mod multi;
mod outstanding;
mod reconfig;
mod set_acl;
mod set_data;

use zookeeper_wire::txn::{Txn, TxnDigest};
use zookeeper_wire::{ErrorCode, Permissions, Request, SessionId, Zxid};

use crate::acl::{AclList, Identity, Schemes, permits};
use crate::digest::DIGEST_VERSION;
use crate::tree::Tree;

pub use outstanding::Outstanding;
use outstanding::Pending;

/// What an administrator decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// No access control list is looked at.
    pub skip_acl: bool,
    /// Hard quotas refuse; otherwise they are for information.
    pub enforce_quota: bool,
    /// Transactions carry the digest of the tree.
    pub digest: bool,
    /// The schemes by which an access control list may name somebody.
    pub schemes: Schemes,
}

impl Default for Rules {
    /// The original's defaults.
    fn default() -> Self {
        Rules { skip_acl: false, enforce_quota: false, digest: true, schemes: Schemes::default() }
    }
}

/// Who asks, and the number and time the transaction gets.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The session.
    pub session: SessionId,
    /// Who its connection has shown to be.
    pub identities: &'a [Identity],
    /// The transaction's number.
    pub zxid: Zxid,
    /// The wall clock, in milliseconds since 1970.
    pub time_ms: i64,
    /// What the session is told if it wants an ephemeral znode.
    pub ephemerals: Result<(), ErrorCode>,
}

/// A transaction ready to be proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// The change, or the error.
    pub txn: Txn,
    /// The tree's digest once it is applied. Errors carry none.
    pub digest: Option<TxnDigest>,
}

impl Outstanding {
    /// Prepares a write. Requests that are no writes are `MarshallingError`s.
    pub fn prepare(&mut self, tree: &Tree, rules: &Rules, asked: &Asked<'_>, request: Request) -> Prepared {
        let mut desk = Desk { tree, rules, asked, outstanding: self };
        let result = match request {
            Request::Create(r) => desk.create(create::Kind::Plain, r).map(Txn::Create),
            Request::Create2(r) => desk.create(create::Kind::Plain, r).map(Txn::Create2),
            Request::CreateContainer(r) => desk.create_container(r).map(Txn::CreateContainer),
            Request::CreateTtl(r) => desk.create_ttl(r).map(Txn::CreateTtl),
            Request::Delete(r) => desk.delete(r).map(Txn::Delete),
            Request::DeleteContainer(r) => desk.delete_container(r.path).map(Txn::DeleteContainer),
            Request::SetData(r) => desk.set_data(r).map(Txn::SetData),
            Request::SetAcl(r) => desk.set_acl(r).map(Txn::SetAcl),
            Request::Multi(ops) => desk.multi(ops).map(Txn::Multi),
            Request::CloseSession => desk.close_session().map(|paths| Txn::CloseSession(Some(paths))),
            _ => Err(ErrorCode::MARSHALLING_ERROR),
        };
        match result {
            Ok(txn) => Prepared { txn, digest: self.txn_digest(tree, rules) },
            Err(error) => Prepared { txn: Txn::Error(error), digest: None },
        }
    }

    /// A session that begins; it changes no znode.
    pub fn prepare_session(&mut self, tree: &Tree, rules: &Rules, timeout_ms: i32) -> Prepared {
        Prepared { txn: Txn::CreateSession { timeout_ms }, digest: self.txn_digest(tree, rules) }
    }

    /// A new membership: data of its own znode, without a version.
    pub fn prepare_reconfig(
        &mut self,
        tree: &Tree,
        rules: &Rules,
        asked: &Asked<'_>,
        membership: &str,
    ) -> Prepared {
        let mut desk = Desk { tree, rules, asked, outstanding: self };
        match desk.reconfig(membership) {
            Ok(txn) => Prepared { txn: Txn::Reconfig(txn), digest: self.txn_digest(tree, rules) },
            Err(error) => Prepared { txn: Txn::Error(error), digest: None },
        }
    }

    fn txn_digest(&self, tree: &Tree, rules: &Rules) -> Option<TxnDigest> {
        rules.digest.then(|| TxnDigest { version: DIGEST_VERSION, tree: self.digest(tree) as i64 })
    }
}

/// One request on the sequencer's desk.
struct Desk<'a> {
    tree: &'a Tree,
    rules: &'a Rules,
    asked: &'a Asked<'a>,
    outstanding: &'a mut Outstanding,
}

impl Desk<'_> {
    /// The znode as it will be, or `NoNode`.
    fn node(&self, path: &str) -> Result<Pending, ErrorCode> {
        self.outstanding.view(self.tree, path).ok_or(ErrorCode::NO_NODE)
    }

    fn change(&mut self, path: &str, node: Pending) {
        self.outstanding.change(self.tree, self.asked.zxid, path, node);
    }

    fn permit(&self, list: &AclList, permission: Permissions) -> Result<(), ErrorCode> {
        if self.rules.skip_acl || permits(list, permission, self.asked.identities) {
            Ok(())
        } else {
            Err(ErrorCode::NO_AUTH)
        }
    }

    fn check_quota(&self, path: &str, count: i64, bytes: i64) -> Result<(), ErrorCode> {
        if self.rules.enforce_quota { self.tree.quota_allows(path, count, bytes) } else { Ok(()) }
    }
}

/// The version after `current`, if the caller expects that one or any (-1). A version is never -1,
/// which would mean any to the next caller.
fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current {
        return Err(ErrorCode::BAD_VERSION);
    }
    match current.wrapping_add(1) {
        -1 => Ok(0),
        next => Ok(next),
    }
}

/// The parent's path as the original cuts it out before it has looked at the rest: everything before
/// the last slash.
fn parent_of(path: &str) -> Result<&str, ErrorCode> {
    if path.contains('\0') {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    match path.rfind('/') {
        None => Err(ErrorCode::BAD_ARGUMENTS),
        Some(0) => Ok("/"),
        Some(slash) => Ok(&path[..slash]),
    }
}

fn validate(path: &str) -> Result<(), ErrorCode> {
    zookeeper_wire::path::validate(path).map_err(|_| ErrorCode::BAD_ARGUMENTS)
}

#[cfg(test)]
mod tests;
