//! What a client can ask, by operation.

use std::borrow::Cow;

use bytes::Bytes;

use crate::jute::{Reader, Record, WireError, Writer, records};
use crate::{Acl, MultiOp, OpCode, RequestHeader, Xid, Zxid};

records! {
    /// create, create2 and createContainer.
    struct CreateRequest {
        /// Where; a sequential create appends ten digits to it.
        path: String,
        /// The data, null or not.
        data: Option<Bytes>,
        /// Who may do what; never empty.
        acl: Vec<Acl>,
        /// 0 persistent, 1 ephemeral, 2 persistent sequential, 3 ephemeral sequential, 4 container.
        flags: i32,
    }

    /// createTTL.
    struct CreateTtlRequest {
        /// Where; a sequential create appends ten digits to it.
        path: String,
        /// The data, null or not.
        data: Option<Bytes>,
        /// Who may do what; never empty.
        acl: Vec<Acl>,
        /// 5, or 6 for sequential.
        flags: i32,
        /// Milliseconds without change and children after which it may go, 1 to 2^40 - 1.
        ttl_ms: i64,
    }

    /// delete.
    struct DeleteRequest {
        /// Which.
        path: String,
        /// The version it must have; -1 for any.
        version: i32,
    }

    /// exists, getData, getChildren and getChildren2.
    struct PathWatch {
        /// Which.
        path: String,
        /// Leave a watch.
        watch: bool,
    }

    /// setData.
    struct SetDataRequest {
        /// Which.
        path: String,
        /// The new data, null or not.
        data: Option<Bytes>,
        /// The version it must have; -1 for any.
        version: i32,
    }

    /// Requests that are nothing but a path: getACL, sync, getAllChildrenNumber, getEphemerals (a
    /// prefix there), deleteContainer.
    struct PathOnly {
        /// Which.
        path: String,
    }

    /// setACL.
    struct SetAclRequest {
        /// Which.
        path: String,
        /// The new list; never empty.
        acl: Vec<Acl>,
        /// The ACL version it must have; -1 for any.
        version: i32,
    }

    /// check, inside a multi.
    struct CheckVersionRequest {
        /// Which.
        path: String,
        /// The version it must have; -1 for any.
        version: i32,
    }

    /// reconfig.
    struct ReconfigRequest {
        /// Servers to add, or null.
        joining: Option<String>,
        /// Servers to take away, or null.
        leaving: Option<String>,
        /// The whole new membership instead, or null.
        members: Option<String>,
        /// The configuration it must follow; -1 for any.
        config_id: i64,
    }

    /// checkWatches and removeWatches.
    struct WatchesRequest {
        /// Where.
        path: String,
        /// 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive.
        kind: i32,
    }

    /// addWatch.
    struct AddWatchRequest {
        /// Where; the znode need not exist.
        path: String,
        /// 0 persistent, 1 persistent recursive.
        mode: i32,
    }

    /// auth.
    struct AuthPacket {
        /// Always zero.
        kind: i32,
        /// How to understand the credential.
        scheme: Cow<'static, str>,
        /// The credential.
        auth: Option<Bytes>,
    }

    /// One step of SASL, either way.
    struct SaslToken {
        /// What the mechanism says.
        token: Option<Bytes>,
    }

    /// setWatches.
    struct SetWatchesRequest {
        /// The last transaction whose effects the client knows.
        relative_zxid: Zxid,
        /// Watches left by getData, and by exists on znodes that existed.
        data: Vec<String>,
        /// Watches left by exists on znodes that did not exist.
        exist: Vec<String>,
        /// Watches left by getChildren.
        child: Vec<String>,
    }

    /// setWatches2.
    struct SetWatches2Request {
        /// The last transaction whose effects the client knows.
        relative_zxid: Zxid,
        /// Watches left by getData, and by exists on znodes that existed.
        data: Vec<String>,
        /// Watches left by exists on znodes that did not exist.
        exist: Vec<String>,
        /// Watches left by getChildren.
        child: Vec<String>,
        /// Persistent watches.
        persistent: Vec<String>,
        /// Persistent recursive watches.
        persistent_recursive: Vec<String>,
    }
}

/// One request, without its header.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is named for its operation; `OpCode` says what they are
pub enum Request {
    Create(CreateRequest),
    Create2(CreateRequest),
    CreateContainer(CreateRequest),
    CreateTtl(CreateTtlRequest),
    Delete(DeleteRequest),
    DeleteContainer(PathOnly),
    Exists(PathWatch),
    GetData(PathWatch),
    SetData(SetDataRequest),
    GetAcl(PathOnly),
    SetAcl(SetAclRequest),
    GetChildren(PathWatch),
    GetChildren2(PathWatch),
    Sync(PathOnly),
    Ping,
    Check(CheckVersionRequest),
    Multi(Vec<MultiOp>),
    MultiRead(Vec<MultiOp>),
    Reconfig(ReconfigRequest),
    CheckWatches(WatchesRequest),
    RemoveWatches(WatchesRequest),
    AddWatch(AddWatchRequest),
    SetWatches(SetWatchesRequest),
    SetWatches2(SetWatches2Request),
    GetEphemerals(PathOnly),
    GetAllChildrenNumber(PathOnly),
    WhoAmI,
    Auth(AuthPacket),
    Sasl(SaslToken),
    CloseSession,
}

impl Request {
    /// The body of a request of kind `op`; bytes behind it are ignored, as in the original.
    pub fn decode(op: OpCode, reader: &mut Reader) -> Result<Request, WireError> {
        Ok(match op {
            OpCode::CREATE => Request::Create(reader.record()?),
            OpCode::CREATE2 => Request::Create2(reader.record()?),
            OpCode::CREATE_CONTAINER => Request::CreateContainer(reader.record()?),
            OpCode::CREATE_TTL => Request::CreateTtl(reader.record()?),
            OpCode::DELETE => Request::Delete(reader.record()?),
            OpCode::DELETE_CONTAINER => Request::DeleteContainer(reader.record()?),
            OpCode::EXISTS => Request::Exists(reader.record()?),
            OpCode::GET_DATA => Request::GetData(reader.record()?),
            OpCode::SET_DATA => Request::SetData(reader.record()?),
            OpCode::GET_ACL => Request::GetAcl(reader.record()?),
            OpCode::SET_ACL => Request::SetAcl(reader.record()?),
            OpCode::GET_CHILDREN => Request::GetChildren(reader.record()?),
            OpCode::GET_CHILDREN2 => Request::GetChildren2(reader.record()?),
            OpCode::SYNC => Request::Sync(reader.record()?),
            OpCode::PING => Request::Ping,
            OpCode::CHECK => Request::Check(reader.record()?),
            OpCode::MULTI => Request::Multi(MultiOp::read_all(reader)?),
            OpCode::MULTI_READ => Request::MultiRead(MultiOp::read_all(reader)?),
            OpCode::RECONFIG => Request::Reconfig(reader.record()?),
            OpCode::CHECK_WATCHES => Request::CheckWatches(reader.record()?),
            OpCode::REMOVE_WATCHES => Request::RemoveWatches(reader.record()?),
            OpCode::ADD_WATCH => Request::AddWatch(reader.record()?),
            OpCode::SET_WATCHES => Request::SetWatches(reader.record()?),
            OpCode::SET_WATCHES2 => Request::SetWatches2(reader.record()?),
            OpCode::GET_EPHEMERALS => Request::GetEphemerals(reader.record()?),
            OpCode::GET_ALL_CHILDREN_NUMBER => Request::GetAllChildrenNumber(reader.record()?),
            OpCode::WHO_AM_I => Request::WhoAmI,
            OpCode::AUTH => Request::Auth(reader.record()?),
            OpCode::SASL => Request::Sasl(reader.record()?),
            OpCode::CLOSE_SESSION => Request::CloseSession,
            other => return Err(WireError::UnknownOp(other.0)),
        })
    }

    /// The body, without header.
    pub fn encode(&self, writer: &mut Writer) {
        match self {
            Request::Create(r) | Request::Create2(r) | Request::CreateContainer(r) => r.write(writer),
            Request::CreateTtl(r) => r.write(writer),
            Request::Delete(r) => r.write(writer),
            Request::Exists(r) | Request::GetData(r) | Request::GetChildren(r) | Request::GetChildren2(r) => {
                r.write(writer)
            }
            Request::SetData(r) => r.write(writer),
            Request::DeleteContainer(r)
            | Request::GetAcl(r)
            | Request::Sync(r)
            | Request::GetEphemerals(r)
            | Request::GetAllChildrenNumber(r) => r.write(writer),
            Request::SetAcl(r) => r.write(writer),
            Request::Check(r) => r.write(writer),
            Request::Multi(ops) | Request::MultiRead(ops) => MultiOp::write_all(ops, writer),
            Request::Reconfig(r) => r.write(writer),
            Request::CheckWatches(r) | Request::RemoveWatches(r) => r.write(writer),
            Request::AddWatch(r) => r.write(writer),
            Request::SetWatches(r) => r.write(writer),
            Request::SetWatches2(r) => r.write(writer),
            Request::Auth(r) => r.write(writer),
            Request::Sasl(r) => r.write(writer),
            Request::Ping | Request::WhoAmI | Request::CloseSession => {}
        }
    }

    /// A whole frame's payload: header and body.
    pub fn frame(&self, xid: Xid) -> Bytes {
        let mut writer = Writer::with_capacity(128);
        writer.record(&RequestHeader { xid, op: self.op() });
        self.encode(&mut writer);
        writer.finish()
    }

    /// Its operation code.
    pub fn op(&self) -> OpCode {
        match self {
            Request::Create(_) => OpCode::CREATE,
            Request::Create2(_) => OpCode::CREATE2,
            Request::CreateContainer(_) => OpCode::CREATE_CONTAINER,
            Request::CreateTtl(_) => OpCode::CREATE_TTL,
            Request::Delete(_) => OpCode::DELETE,
            Request::DeleteContainer(_) => OpCode::DELETE_CONTAINER,
            Request::Exists(_) => OpCode::EXISTS,
            Request::GetData(_) => OpCode::GET_DATA,
            Request::SetData(_) => OpCode::SET_DATA,
            Request::GetAcl(_) => OpCode::GET_ACL,
            Request::SetAcl(_) => OpCode::SET_ACL,
            Request::GetChildren(_) => OpCode::GET_CHILDREN,
            Request::GetChildren2(_) => OpCode::GET_CHILDREN2,
            Request::Sync(_) => OpCode::SYNC,
            Request::Ping => OpCode::PING,
            Request::Check(_) => OpCode::CHECK,
            Request::Multi(_) => OpCode::MULTI,
            Request::MultiRead(_) => OpCode::MULTI_READ,
            Request::Reconfig(_) => OpCode::RECONFIG,
            Request::CheckWatches(_) => OpCode::CHECK_WATCHES,
            Request::RemoveWatches(_) => OpCode::REMOVE_WATCHES,
            Request::AddWatch(_) => OpCode::ADD_WATCH,
            Request::SetWatches(_) => OpCode::SET_WATCHES,
            Request::SetWatches2(_) => OpCode::SET_WATCHES2,
            Request::GetEphemerals(_) => OpCode::GET_EPHEMERALS,
            Request::GetAllChildrenNumber(_) => OpCode::GET_ALL_CHILDREN_NUMBER,
            Request::WhoAmI => OpCode::WHO_AM_I,
            Request::Auth(_) => OpCode::AUTH,
            Request::Sasl(_) => OpCode::SASL,
            Request::CloseSession => OpCode::CLOSE_SESSION,
        }
    }
}

#[cfg(test)]
mod tests;
