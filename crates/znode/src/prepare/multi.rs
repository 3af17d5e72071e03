//! multi: all or nothing. A failed one is still a transaction: its members are those that would have
//! worked, then the error, then a `RuntimeInconsistency` for each that was never tried.

use zookeeper_wire::txn::Txn;
use zookeeper_wire::{ErrorCode, MultiOp};

use super::Desk;
use super::create::Kind;

impl Desk<'_> {
    pub(super) fn multi(&mut self, ops: Vec<MultiOp>) -> Result<Vec<Txn>, ErrorCode> {
        if ops.iter().any(MultiOp::is_read) {
            return Err(ErrorCode::MARSHALLING_ERROR);
        }
        self.outstanding.begin(self.tree);
        let mut members = Vec::with_capacity(ops.len());
        let mut failed = false;
        for op in ops {
            if failed {
                members.push(Txn::Error(ErrorCode::RUNTIME_INCONSISTENCY));
                continue;
            }
            match self.member(op) {
                Ok(txn) => members.push(txn),
                Err(error) => {
                    failed = true;
                    members.push(Txn::Error(error));
                    self.outstanding.roll_back();
                }
            }
        }
        if !failed {
            self.outstanding.keep();
        }
        Ok(members)
    }

    fn member(&mut self, op: MultiOp) -> Result<Txn, ErrorCode> {
        match op {
            MultiOp::Create(r) => self.create(Kind::Plain, r).map(Txn::Create),
            MultiOp::Create2(r) => self.create(Kind::Plain, r).map(Txn::Create2),
            MultiOp::CreateContainer(r) => self.create_container(r).map(Txn::CreateContainer),
            MultiOp::CreateTtl(r) => self.create_ttl(r).map(Txn::CreateTtl),
            MultiOp::Delete(r) => self.delete(r).map(Txn::Delete),
            MultiOp::SetData(r) => self.set_data(r).map(Txn::SetData),
            MultiOp::Check(r) => self.check(r).map(Txn::Check),
            MultiOp::GetData(_) | MultiOp::GetChildren(_) => Err(ErrorCode::MARSHALLING_ERROR),
        }
    }
}
