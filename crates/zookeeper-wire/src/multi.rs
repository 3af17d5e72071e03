//! Several operations in one request: writes that all happen or none (multi), or reads (multiRead).

use crate::jute::{Reader, Record, WireError, Writer};
use crate::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, ErrorCode, OpCode, PathWatch,
    SetDataRequest, Stat,
};
use bytes::Bytes;

/// One operation of a multi or multiRead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiOp {
    /// Create, answered by the path.
    Create(CreateRequest),
    /// Create, answered by path and stat.
    Create2(CreateRequest),
    /// Create a container.
    CreateContainer(CreateRequest),
    /// Create with a time to live.
    CreateTtl(CreateTtlRequest),
    /// Delete.
    Delete(DeleteRequest),
    /// Set data.
    SetData(SetDataRequest),
    /// Fail unless the version is this.
    Check(CheckVersionRequest),
    /// Read data; the watch flag is ignored.
    GetData(PathWatch),
    /// List children; the watch flag is ignored.
    GetChildren(PathWatch),
}

/// The outcome of one operation of a multi or multiRead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiResult {
    /// Created, the path.
    Create(String),
    /// Created, path and stat (create2, container and TTL alike).
    Create2(String, Stat),
    /// Deleted.
    Delete,
    /// Set.
    SetData(Stat),
    /// The version was right.
    Check,
    /// What was read.
    GetData(Option<Bytes>, Stat),
    /// Names of the children.
    GetChildren(Vec<String>),
    /// It failed, or was rolled back (`OK`), or never tried (`RUNTIME_INCONSISTENCY`).
    Error(ErrorCode),
}

/// Kind, last?, error: what stands before every operation and result, and alone at the end.
struct Envelope {
    kind: i32,
    done: bool,
}

impl Envelope {
    fn read(reader: &mut Reader) -> Result<Envelope, WireError> {
        let kind = reader.i32()?;
        let done = reader.bool()?;
        reader.i32()?;
        Ok(Envelope { kind, done })
    }

    fn write(writer: &mut Writer, kind: OpCode, error: ErrorCode) {
        writer.record(&kind);
        writer.bool(false);
        writer.record(&error);
    }

    fn write_end(writer: &mut Writer) {
        writer.i32(-1);
        writer.bool(true);
        writer.i32(-1);
    }
}

impl MultiOp {
    /// Its operation code.
    pub fn op(&self) -> OpCode {
        match self {
            MultiOp::Create(_) => OpCode::CREATE,
            MultiOp::Create2(_) => OpCode::CREATE2,
            MultiOp::CreateContainer(_) => OpCode::CREATE_CONTAINER,
            MultiOp::CreateTtl(_) => OpCode::CREATE_TTL,
            MultiOp::Delete(_) => OpCode::DELETE,
            MultiOp::SetData(_) => OpCode::SET_DATA,
            MultiOp::Check(_) => OpCode::CHECK,
            MultiOp::GetData(_) => OpCode::GET_DATA,
            MultiOp::GetChildren(_) => OpCode::GET_CHILDREN,
        }
    }

    /// True if it only reads; reads and writes do not mix.
    pub fn is_read(&self) -> bool {
        matches!(self, MultiOp::GetData(_) | MultiOp::GetChildren(_))
    }

    /// The path it is about.
    pub fn path(&self) -> &str {
        match self {
            MultiOp::Create(r) | MultiOp::Create2(r) | MultiOp::CreateContainer(r) => &r.path,
            MultiOp::CreateTtl(r) => &r.path,
            MultiOp::Delete(r) => &r.path,
            MultiOp::SetData(r) => &r.path,
            MultiOp::Check(r) => &r.path,
            MultiOp::GetData(r) | MultiOp::GetChildren(r) => &r.path,
        }
    }

    /// A whole multi, up to and including its end marker.
    pub fn read_all(reader: &mut Reader) -> Result<Vec<MultiOp>, WireError> {
        let mut ops: Vec<MultiOp> = Vec::new();
        loop {
            let envelope = Envelope::read(reader)?;
            if envelope.done {
                return Ok(ops);
            }
            let op = match OpCode(envelope.kind) {
                kind @ (OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER) => {
                    create_of(kind, reader.record()?)?
                }
                OpCode::CREATE_TTL => create_ttl_of(reader.record()?)?,
                OpCode::DELETE => MultiOp::Delete(reader.record()?),
                OpCode::SET_DATA => MultiOp::SetData(reader.record()?),
                OpCode::CHECK => MultiOp::Check(reader.record()?),
                OpCode::GET_DATA => MultiOp::GetData(reader.record()?),
                OpCode::GET_CHILDREN => MultiOp::GetChildren(reader.record()?),
                other => return Err(WireError::UnknownOp(other.0)),
            };
            if ops.first().is_some_and(|first| first.is_read() != op.is_read()) {
                return Err(WireError::BadMulti);
            }
            ops.push(op);
        }
    }

    /// A whole multi with its end marker.
    pub fn write_all(ops: &[MultiOp], writer: &mut Writer) {
        for op in ops {
            writer.record(&op.op());
            writer.bool(false);
            writer.i32(-1);
            match op {
                MultiOp::Create(r) | MultiOp::Create2(r) | MultiOp::CreateContainer(r) => writer.record(r),
                MultiOp::CreateTtl(r) => writer.record(r),
                MultiOp::Delete(r) => writer.record(r),
                MultiOp::SetData(r) => writer.record(r),
                MultiOp::Check(r) => writer.record(r),
                MultiOp::GetData(r) | MultiOp::GetChildren(r) => writer.record(r),
            }
        }
        Envelope::write_end(writer);
    }
}

impl MultiResult {
    /// The results of a whole multi, up to and including the end marker.
    pub fn read_all(reader: &mut Reader) -> Result<Vec<MultiResult>, WireError> {
        let mut results = Vec::new();
        loop {
            let envelope = Envelope::read(reader)?;
            if envelope.done {
                return Ok(results);
            }
            results.push(match OpCode(envelope.kind) {
                OpCode::CREATE => MultiResult::Create(reader.record()?),
                OpCode::CREATE2 => MultiResult::Create2(reader.record()?, reader.record()?),
                OpCode::DELETE => MultiResult::Delete,
                OpCode::SET_DATA => MultiResult::SetData(reader.record()?),
                OpCode::CHECK => MultiResult::Check,
                OpCode::GET_DATA => MultiResult::GetData(reader.record()?, reader.record()?),
                OpCode::GET_CHILDREN => MultiResult::GetChildren(reader.record()?),
                OpCode::ERROR => MultiResult::Error(reader.record()?),
                other => return Err(WireError::UnknownOp(other.0)),
            });
        }
    }

    /// The results of a whole multi with the end marker.
    pub fn write_all(results: &[MultiResult], writer: &mut Writer) {
        let ok = ErrorCode::OK;
        for result in results {
            match result {
                MultiResult::Create(path) => {
                    Envelope::write(writer, OpCode::CREATE, ok);
                    writer.text(path);
                }
                MultiResult::Create2(path, stat) => {
                    Envelope::write(writer, OpCode::CREATE2, ok);
                    writer.text(path);
                    writer.record(stat);
                }
                MultiResult::Delete => Envelope::write(writer, OpCode::DELETE, ok),
                MultiResult::SetData(stat) => {
                    Envelope::write(writer, OpCode::SET_DATA, ok);
                    writer.record(stat);
                }
                MultiResult::Check => Envelope::write(writer, OpCode::CHECK, ok),
                MultiResult::GetData(data, stat) => {
                    Envelope::write(writer, OpCode::GET_DATA, ok);
                    data.write(writer);
                    writer.record(stat);
                }
                MultiResult::GetChildren(names) => {
                    Envelope::write(writer, OpCode::GET_CHILDREN, ok);
                    writer.record(names);
                }
                MultiResult::Error(error) => {
                    Envelope::write(writer, OpCode::ERROR, *error);
                    writer.record(error);
                }
            }
        }
        Envelope::write_end(writer);
    }
}

/// Inside a multi the flags have the last word: those of a container make one, and those that do not
/// exist or need a time to live make the whole request undecodable.
fn create_of(kind: OpCode, request: CreateRequest) -> Result<MultiOp, WireError> {
    match (kind, request.flags) {
        (_, CONTAINER) | (OpCode::CREATE_CONTAINER, 0..=3) => Ok(MultiOp::CreateContainer(request)),
        (OpCode::CREATE, 0..=3) => Ok(MultiOp::Create(request)),
        (_, 0..=3) => Ok(MultiOp::Create2(request)),
        _ => Err(WireError::BadMulti),
    }
}

/// With flags that need no time to live it is an ordinary create, of a persistent znode if they do not
/// exist.
fn create_ttl_of(request: CreateTtlRequest) -> Result<MultiOp, WireError> {
    if matches!(request.flags, 5 | 6) {
        return Ok(MultiOp::CreateTtl(request));
    }
    let CreateTtlRequest { path, data, acl, flags, .. } = request;
    let flags = if (0..=CONTAINER).contains(&flags) { flags } else { 0 };
    create_of(OpCode::CREATE, CreateRequest { path, data, acl, flags })
}

const CONTAINER: i32 = 4;
