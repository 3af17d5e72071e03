//! Transactions: what a write becomes before it is logged, replicated and applied. The bytes are the
//! same in the log, between servers and inside a multi.

use bytes::Bytes;

use crate::jute::{Reader, Record, WireError, Writer, records};
use crate::{Acl, ErrorCode, OpCode, SessionId, Xid, Zxid};

records! {
    /// Before every transaction: who asked, which, when and of what kind. 32 bytes.
    #[derive(Copy)]
    struct TxnHeader {
        /// The session it is for.
        session: SessionId,
        /// The client's number for the request.
        cxid: Xid,
        /// Its place in the order of all transactions.
        zxid: Zxid,
        /// When it was prepared, in milliseconds since 1970 on the leader's clock.
        time_ms: i64,
        /// What follows.
        kind: OpCode,
    }

    /// The sum over the whole tree after the transaction, kept by the leader for comparison.
    #[derive(Copy)]
    struct TxnDigest {
        /// How it is computed; 2 today.
        version: i32,
        /// The sum.
        tree: i64,
    }

    /// create and create2.
    struct CreateTxn {
        /// The whole path, digits included.
        path: String,
        /// The data.
        data: Option<Bytes>,
        /// The list, schemes resolved.
        acl: Vec<Acl>,
        /// Owned by the session of the header.
        ephemeral: bool,
        /// The stored child version of the parent afterwards; -1 if the log is too old to know.
        parent_cversion: i32,
    }

    /// createContainer.
    struct CreateContainerTxn {
        /// The whole path.
        path: String,
        /// The data.
        data: Option<Bytes>,
        /// The list, schemes resolved.
        acl: Vec<Acl>,
        /// The stored child version of the parent afterwards.
        parent_cversion: i32,
    }

    /// createTTL.
    struct CreateTtlTxn {
        /// The whole path, digits included.
        path: String,
        /// The data.
        data: Option<Bytes>,
        /// The list, schemes resolved.
        acl: Vec<Acl>,
        /// The stored child version of the parent afterwards.
        parent_cversion: i32,
        /// Milliseconds it may live unchanged and childless.
        ttl_ms: i64,
    }

    /// delete and deleteContainer.
    struct DeleteTxn {
        /// Which.
        path: String,
    }

    /// setData, and reconfig on its own znode.
    struct SetDataTxn {
        /// Which.
        path: String,
        /// The new data.
        data: Option<Bytes>,
        /// The version it has afterwards.
        version: i32,
    }

    /// setACL.
    struct SetAclTxn {
        /// Which.
        path: String,
        /// The new list, schemes resolved.
        acl: Vec<Acl>,
        /// The ACL version it has afterwards.
        version: i32,
    }

    /// check, inside a multi; changes nothing.
    struct CheckVersionTxn {
        /// Which.
        path: String,
        /// The version asked for plus one, as the original records it.
        version: i32,
    }
}

impl TxnHeader {
    /// Bytes of an encoded header.
    pub const BYTES: usize = 32;
}

/// The body of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is named for its operation; `OpCode` says what they are
pub enum Txn {
    Create(CreateTxn),
    Create2(CreateTxn),
    CreateContainer(CreateContainerTxn),
    CreateTtl(CreateTtlTxn),
    Delete(DeleteTxn),
    DeleteContainer(DeleteTxn),
    SetData(SetDataTxn),
    Reconfig(SetDataTxn),
    SetAcl(SetAclTxn),
    Check(CheckVersionTxn),
    /// All of them or, if one is an error, none.
    Multi(Vec<Txn>),
    /// A session begins.
    CreateSession {
        /// Its negotiated time-out.
        timeout_ms: i32,
    },
    /// A session ends, and these ephemeral znodes with it; `None` in old logs, where the reader
    /// deletes those it knows of.
    CloseSession(Option<Vec<String>>),
    /// A write failed; it still took a zxid.
    Error(ErrorCode),
}

impl Txn {
    /// What the header says of it.
    pub fn kind(&self) -> OpCode {
        match self {
            Txn::Create(_) => OpCode::CREATE,
            Txn::Create2(_) => OpCode::CREATE2,
            Txn::CreateContainer(_) => OpCode::CREATE_CONTAINER,
            Txn::CreateTtl(_) => OpCode::CREATE_TTL,
            Txn::Delete(_) => OpCode::DELETE,
            Txn::DeleteContainer(_) => OpCode::DELETE_CONTAINER,
            Txn::SetData(_) => OpCode::SET_DATA,
            Txn::Reconfig(_) => OpCode::RECONFIG,
            Txn::SetAcl(_) => OpCode::SET_ACL,
            Txn::Check(_) => OpCode::CHECK,
            Txn::Multi(_) => OpCode::MULTI,
            Txn::CreateSession { .. } => OpCode::CREATE_SESSION,
            Txn::CloseSession(_) => OpCode::CLOSE_SESSION,
            Txn::Error(_) => OpCode::ERROR,
        }
    }

    /// The body behind a header of kind `kind`, in its present or an older form.
    pub fn decode(kind: OpCode, reader: &mut Reader) -> Result<Txn, WireError> {
        match kind {
            OpCode::MULTI => {
                let count = reader.count(8)?.unwrap_or(0);
                let mut members = Vec::with_capacity(count);
                for _ in 0..count {
                    let kind = reader.record()?;
                    let mut body = Reader::new(reader.buffer()?.ok_or(WireError::Null)?);
                    members.push(Txn::decode_member(kind, &mut body)?);
                }
                Ok(Txn::Multi(members))
            }
            OpCode::CREATE_SESSION => Ok(Txn::CreateSession { timeout_ms: reader.i32()? }),
            OpCode::CLOSE_SESSION => Ok(Txn::CloseSession(close_session_paths(reader))),
            // A check alone is nothing the original can read back, so it is refused here too.
            OpCode::CHECK => Err(WireError::UnknownOp(kind.0)),
            _ => Txn::decode_member(kind, reader),
        }
    }

    /// What may stand inside a multi (and, but for check, alone).
    fn decode_member(kind: OpCode, reader: &mut Reader) -> Result<Txn, WireError> {
        Ok(match kind {
            OpCode::CREATE => Txn::Create(create(reader)?),
            OpCode::CREATE2 => Txn::Create2(create(reader)?),
            OpCode::CREATE_CONTAINER => Txn::CreateContainer(reader.record()?),
            OpCode::CREATE_TTL => Txn::CreateTtl(reader.record()?),
            OpCode::DELETE => Txn::Delete(reader.record()?),
            OpCode::DELETE_CONTAINER => Txn::DeleteContainer(reader.record()?),
            OpCode::SET_DATA => Txn::SetData(reader.record()?),
            OpCode::RECONFIG => Txn::Reconfig(reader.record()?),
            OpCode::SET_ACL => Txn::SetAcl(reader.record()?),
            OpCode::CHECK => Txn::Check(reader.record()?),
            OpCode::ERROR => Txn::Error(reader.record()?),
            other => return Err(WireError::UnknownOp(other.0)),
        })
    }

    /// The body, without header.
    pub fn encode(&self, writer: &mut Writer) {
        match self {
            Txn::Create(txn) | Txn::Create2(txn) => txn.write(writer),
            Txn::CreateContainer(txn) => txn.write(writer),
            Txn::CreateTtl(txn) => txn.write(writer),
            Txn::Delete(txn) | Txn::DeleteContainer(txn) => txn.write(writer),
            Txn::SetData(txn) | Txn::Reconfig(txn) => txn.write(writer),
            Txn::SetAcl(txn) => txn.write(writer),
            Txn::Check(txn) => txn.write(writer),
            Txn::Multi(members) => {
                writer.length(members.len());
                for member in members {
                    writer.record(&member.kind());
                    let length_at = writer.len();
                    writer.i32(0);
                    member.encode(writer);
                    let length = writer.len() - length_at - 4;
                    writer.patch_i32(length_at, length as i32);
                }
            }
            Txn::CreateSession { timeout_ms } => writer.i32(*timeout_ms),
            Txn::CloseSession(paths) => {
                if let Some(paths) = paths {
                    writer.record(paths);
                }
            }
            Txn::Error(error) => writer.record(error),
        }
    }
}

/// A transaction with all that stands around it in a log entry or proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnEntry {
    /// Who, which, when, what.
    pub header: TxnHeader,
    /// The change.
    pub txn: Txn,
    /// The tree's digest afterwards, if its writer kept one.
    pub digest: Option<TxnDigest>,
}

impl TxnEntry {
    /// From the payload of a log entry or proposal.
    pub fn decode(bytes: Bytes) -> Result<TxnEntry, WireError> {
        let mut reader = Reader::new(bytes);
        let header: TxnHeader = reader.record()?;
        let txn = Txn::decode(header.kind, &mut reader)?;
        let digest = if reader.remaining() >= TxnDigest::BYTES_MIN { Some(reader.record()?) } else { None };
        Ok(TxnEntry { header, txn, digest })
    }

    /// To the payload of a log entry or proposal.
    pub fn encode(&self, writer: &mut Writer) {
        writer.record(&self.header);
        self.txn.encode(writer);
        if let Some(digest) = &self.digest {
            writer.record(digest);
        }
    }
}

/// A create as logs have it since 3.4, or one that ends before the parent's child version.
fn create(reader: &mut Reader) -> Result<CreateTxn, WireError> {
    let (path, data, acl, ephemeral) = (reader.record()?, reader.record()?, reader.record()?, reader.bool()?);
    let parent_cversion = if reader.remaining() < 4 { -1 } else { reader.i32()? };
    Ok(CreateTxn { path, data, acl, ephemeral, parent_cversion })
}

/// The paths, if they are there: logs before 3.6 have no body, and a digest may stand in its place.
fn close_session_paths(reader: &mut Reader) -> Option<Vec<String>> {
    let mut ahead = reader.clone();
    match ahead.record() {
        Ok(paths) => {
            *reader = ahead;
            Some(paths)
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
