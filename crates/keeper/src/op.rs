//! The operations, a file each: what a read writes into its reply, and what a write answers once its
//! transaction is applied.

mod add_watch;
mod check_watches;
mod create;
mod create2;
mod exists;
mod get_acl;
mod get_all_children_number;
mod get_children;
mod get_children2;
mod get_data;
mod get_ephemerals;
mod multi;
mod multi_read;
mod remove_watches;
mod set_acl;
mod set_data;
mod set_watches;
mod sync;
mod who_am_i;

use znode::{Database, Identity, NodeId, Outcome, WatcherId, Watches, permits};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::Txn;
use zookeeper_wire::{ErrorCode, EventKind, OpCode, Permissions, Request, SessionId};

/// A read being served.
pub(crate) struct Read<'a> {
    pub(crate) database: &'a Database,
    pub(crate) watches: &'a mut Watches,
    pub(crate) watcher: WatcherId,
    pub(crate) session: SessionId,
    pub(crate) identities: &'a [Identity],
    pub(crate) skip_acl: bool,
    /// The reply, behind its header.
    pub(crate) writer: &'a mut Writer,
    /// Events that must be sent before the reply.
    pub(crate) missed: &'a mut Vec<(EventKind, String)>,
}

impl Read<'_> {
    /// Writes the body of the reply. After an error, what was written is to be thrown away.
    pub(crate) fn serve(&mut self, request: &Request) -> Result<(), ErrorCode> {
        match request {
            Request::Exists(r) => self.exists(r),
            Request::GetData(r) => self.get_data(&r.path, r.watch),
            Request::GetAcl(r) => self.get_acl(r),
            Request::GetChildren(r) => self.get_children(&r.path, r.watch),
            Request::GetChildren2(r) => self.get_children2(r),
            Request::GetEphemerals(r) => self.get_ephemerals(r),
            Request::GetAllChildrenNumber(r) => self.get_all_children_number(r),
            Request::Sync(r) => self.sync(r),
            Request::MultiRead(ops) => self.multi_read(ops),
            Request::CheckWatches(r) => self.check_watches(r),
            Request::RemoveWatches(r) => self.remove_watches(r),
            Request::AddWatch(r) => self.add_watch(r),
            Request::SetWatches(r) => self.set_watches(r),
            Request::SetWatches2(r) => self.set_watches2(r),
            Request::WhoAmI => self.who_am_i(),
            Request::Ping => Ok(()),
            _ => Err(ErrorCode::UNIMPLEMENTED),
        }
    }

    /// The znode, if it is there and may be read.
    fn readable(&self, path: &str) -> Result<NodeId, ErrorCode> {
        self.permitted(path, Permissions::READ)
    }

    fn permitted(&self, path: &str, permissions: Permissions) -> Result<NodeId, ErrorCode> {
        let tree = self.database.tree();
        let id = tree.find(path).ok_or(ErrorCode::NO_NODE)?;
        if self.skip_acl || permits(tree.acl(id), permissions, self.identities) {
            Ok(id)
        } else {
            Err(ErrorCode::NO_AUTH)
        }
    }
}

/// Writes the body of the answer to a write whose transaction was applied.
pub(crate) fn answer(op: OpCode, txn: &Txn, outcome: Outcome, writer: &mut Writer) -> Result<(), ErrorCode> {
    if let Outcome::Failed(error) = outcome {
        return Err(error);
    }
    match (op, txn, outcome) {
        (OpCode::CREATE, Txn::Create(txn), _) => create::answer(txn, writer),
        (OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL, txn, Outcome::Stat(stat)) => {
            create2::answer(txn, &stat, writer)
        }
        (OpCode::SET_DATA, _, Outcome::Stat(stat)) => set_data::answer(&stat, writer),
        (OpCode::RECONFIG, Txn::Reconfig(txn), Outcome::Stat(stat)) => {
            crate::reconfiguration::answer(txn, &stat, writer);
        }
        (OpCode::SET_ACL, _, Outcome::Stat(stat)) => set_acl::answer(&stat, writer),
        (OpCode::MULTI, _, Outcome::Multi(results)) => multi::answer(&results, writer),
        // delete and closeSession: the header is the answer.
        _ => {}
    }
    Ok(())
}

/// True if the operation makes a transaction.
pub(crate) fn is_write(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::CREATE
            | OpCode::CREATE2
            | OpCode::CREATE_CONTAINER
            | OpCode::CREATE_TTL
            | OpCode::DELETE
            | OpCode::SET_DATA
            | OpCode::SET_ACL
            | OpCode::MULTI
            | OpCode::CLOSE_SESSION
    )
}

/// The code that `cons` shows for the last operation.
pub(crate) fn short_name(op: OpCode) -> &'static str {
    match op {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => "CREA",
        OpCode::DELETE => "DELE",
        OpCode::EXISTS => "EXIS",
        OpCode::GET_DATA => "GETD",
        OpCode::SET_DATA => "SETD",
        OpCode::GET_ACL => "GETA",
        OpCode::SET_ACL => "SETA",
        OpCode::GET_CHILDREN | OpCode::GET_CHILDREN2 => "GETC",
        OpCode::GET_ALL_CHILDREN_NUMBER => "GETACN",
        OpCode::GET_EPHEMERALS => "GETE",
        OpCode::SYNC => "SYNC",
        OpCode::PING => "PING",
        OpCode::CHECK => "CHEC",
        OpCode::MULTI => "MULT",
        OpCode::MULTI_READ => "MLTR",
        OpCode::RECONFIG => "RECO",
        OpCode::CHECK_WATCHES => "CHKW",
        OpCode::REMOVE_WATCHES => "REMW",
        OpCode::ADD_WATCH => "ADDW",
        OpCode::SET_WATCHES => "SETW",
        OpCode::SET_WATCHES2 => "STW2",
        OpCode::WHO_AM_I => "HOMI",
        OpCode::CLOSE_SESSION => "CLOS",
        OpCode::CREATE_SESSION => "SESS",
        _ => "NA",
    }
}
