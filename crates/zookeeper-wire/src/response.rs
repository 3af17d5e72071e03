//! What a server answers, by operation. A reply that carries an error has a header and no body.

use bytes::Bytes;

use crate::jute::{Reader, Record, WireError, Writer};
use crate::{Acl, ClientInfo, MultiResult, OpCode, Stat};

/// One answer, without its header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// Nothing but the header: delete, ping, auth, closeSession, setWatches, check/removeWatches.
    Empty,
    /// create: the path, with its digits if sequential.
    Create(String),
    /// create2, createContainer, createTTL: path and stat.
    Create2(String, Stat),
    /// exists, setData, setACL.
    Stat(Stat),
    /// getData, reconfig.
    Data(Option<Bytes>, Stat),
    /// getACL.
    Acl(Vec<Acl>, Stat),
    /// getChildren: names in no order.
    Children(Vec<String>),
    /// getChildren2.
    Children2(Vec<String>, Stat),
    /// sync: the path that was sent.
    Sync(String),
    /// multi and multiRead.
    Multi(Vec<MultiResult>),
    /// getEphemerals: paths.
    Ephemerals(Vec<String>),
    /// getAllChildrenNumber.
    AllChildrenNumber(i32),
    /// addWatch: an error code, zero.
    AddWatch(i32),
    /// whoAmI.
    WhoAmI(Vec<ClientInfo>),
    /// sasl: what the mechanism says.
    Sasl(Option<Bytes>),
}

impl Response {
    /// The body of the answer to a request of kind `op` whose header says `OK`.
    pub fn decode(op: OpCode, reader: &mut Reader) -> Result<Response, WireError> {
        Ok(match op {
            OpCode::CREATE => Response::Create(reader.record()?),
            OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                Response::Create2(reader.record()?, reader.record()?)
            }
            OpCode::EXISTS | OpCode::SET_DATA | OpCode::SET_ACL => Response::Stat(reader.record()?),
            OpCode::GET_DATA | OpCode::RECONFIG => Response::Data(reader.record()?, reader.record()?),
            OpCode::GET_ACL => Response::Acl(reader.record()?, reader.record()?),
            OpCode::GET_CHILDREN => Response::Children(reader.record()?),
            OpCode::GET_CHILDREN2 => Response::Children2(reader.record()?, reader.record()?),
            OpCode::SYNC => Response::Sync(reader.record()?),
            OpCode::MULTI | OpCode::MULTI_READ => Response::Multi(MultiResult::read_all(reader)?),
            OpCode::GET_EPHEMERALS => Response::Ephemerals(reader.record()?),
            OpCode::GET_ALL_CHILDREN_NUMBER => Response::AllChildrenNumber(reader.i32()?),
            OpCode::ADD_WATCH => Response::AddWatch(reader.i32()?),
            OpCode::WHO_AM_I => Response::WhoAmI(reader.record()?),
            OpCode::SASL => Response::Sasl(reader.record()?),
            OpCode::DELETE
            | OpCode::DELETE_CONTAINER
            | OpCode::PING
            | OpCode::CHECK
            | OpCode::CHECK_WATCHES
            | OpCode::REMOVE_WATCHES
            | OpCode::AUTH
            | OpCode::SET_WATCHES
            | OpCode::SET_WATCHES2
            | OpCode::CLOSE_SESSION => Response::Empty,
            other => return Err(WireError::UnknownOp(other.0)),
        })
    }

    /// The body, without header.
    pub fn encode(&self, writer: &mut Writer) {
        match self {
            Response::Empty => {}
            Response::Create(path) | Response::Sync(path) => writer.text(path),
            Response::Create2(path, stat) => {
                writer.text(path);
                writer.record(stat);
            }
            Response::Stat(stat) => writer.record(stat),
            Response::Data(data, stat) => {
                data.write(writer);
                writer.record(stat);
            }
            Response::Acl(acl, stat) => {
                writer.record(acl);
                writer.record(stat);
            }
            Response::Children(names) | Response::Ephemerals(names) => writer.record(names),
            Response::Children2(names, stat) => {
                writer.record(names);
                writer.record(stat);
            }
            Response::Multi(results) => MultiResult::write_all(results, writer),
            Response::AllChildrenNumber(n) | Response::AddWatch(n) => writer.i32(*n),
            Response::WhoAmI(infos) => writer.record(infos),
            Response::Sasl(token) => token.write(writer),
        }
    }
}
