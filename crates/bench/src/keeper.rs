//! Load for a ZooKeeper server.

use bytes::Bytes;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{ConnectRequest, ConnectResponse, SessionId};

use crate::{Greeted, Work};

/// What each request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeeperOperation {
    /// Creates a znode under the root of the run; the name is new each time.
    Create,
    /// Sets the data of the connection's own znode.
    Set,
    /// Reads the data of the connection's own znode.
    Get,
    /// Nine times `Get`, then once `Set`.
    Mixed,
    /// Every connection watches one znode (persistent watch), and the first one sets it: see
    /// [`fan_out`](crate::fan_out).
    FanOut,
}

/// Sessions that create, set or get.
pub struct KeeperWork {
    operation: KeeperOperation,
    data: Bytes,
    root: String,
    run: u32,
    sent: Vec<u64>,
    received: Vec<u64>,
    xid: i32,
}

const CREATE: i32 = 1;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const ADD_WATCH: i32 = 106;
/// Mode of `addWatch`: stays, for this path alone.
const PERSISTENT: i32 = 0;
/// The xid of an event.
const EVENT: [u8; 4] = (-1_i32).to_be_bytes();
const NODE_EXISTS: i32 = -110;

impl KeeperWork {
    /// `size` bytes of data in each znode; `root` is a path of one part that the run creates and fills;
    /// `run` tells the names of this run from those of another.
    pub fn new(
        operation: KeeperOperation,
        connections: usize,
        size: usize,
        root: &str,
        run: u32,
    ) -> KeeperWork {
        let data = Bytes::from((0..size).map(|at| b'a' + (at % 26) as u8).collect::<Vec<u8>>());
        KeeperWork {
            operation,
            data,
            root: root.to_owned(),
            run,
            sent: vec![0; connections],
            received: vec![0; connections],
            xid: 0,
        }
    }

    fn header(&mut self, op: i32, out: &mut Vec<u8>) {
        self.xid = self.xid.wrapping_add(1).max(1);
        out.extend_from_slice(&self.xid.to_be_bytes());
        out.extend_from_slice(&op.to_be_bytes());
    }

    fn create(&mut self, path: &str, data: &[u8], out: &mut Vec<u8>) {
        self.header(CREATE, out);
        text(path.as_bytes(), out);
        text(data, out);
        // One ACL: everything for world:anyone; flags 0.
        out.extend_from_slice(&1_i32.to_be_bytes());
        out.extend_from_slice(&31_i32.to_be_bytes());
        text(b"world", out);
        text(b"anyone", out);
        out.extend_from_slice(&0_i32.to_be_bytes());
    }

    fn own(&self, connection: usize) -> String {
        format!("{}/own-{connection}", self.root)
    }
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Work for KeeperWork {
    fn greetings(&mut self, connection: usize) -> Vec<Vec<u8>> {
        let mut writer = Writer::new();
        ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: zookeeper_wire::Zxid(0),
            timeout_ms: 30_000,
            session: SessionId(0),
            password: Bytes::from_static(&[0; 16]),
            read_only: Some(false),
        }
        .encode(&mut writer);
        let (mut root, mut own) = (Vec::new(), Vec::new());
        let (root_path, own_path, data) = (self.root.clone(), self.own(connection), self.data.clone());
        self.create(&root_path, b"", &mut root);
        self.create(&own_path, &data, &mut own);
        let mut greetings = vec![writer.finish().to_vec(), root, own];
        if self.operation == KeeperOperation::FanOut {
            let mut watch = Vec::new();
            self.header(ADD_WATCH, &mut watch);
            text(self.own(0).as_bytes(), &mut watch);
            watch.extend_from_slice(&PERSISTENT.to_be_bytes());
            greetings.push(watch);
        }
        greetings
    }

    fn greeted(&mut self, _: usize, greeting: usize, answer: &[u8]) -> Result<Greeted, String> {
        if greeting == 0 {
            let response = ConnectResponse::decode(&mut Reader::new(Bytes::copy_from_slice(answer)))
                .map_err(|error| format!("not the answer of a ZooKeeper server: {error}"))?;
            return if response.timeout_ms > 0 { Ok(Greeted::Done) } else { Err("no session".into()) };
        }
        match error_of(answer)? {
            0 | NODE_EXISTS => Ok(Greeted::Done),
            error => Err(format!("create answered error {error}")),
        }
    }

    fn request(&mut self, connection: usize, out: &mut Vec<u8>) {
        let count = self.sent[connection];
        self.sent[connection] += 1;
        let get = match self.operation {
            KeeperOperation::Create => {
                let (path, data) =
                    (format!("{}/{}-{connection}-{count}", self.root, self.run), self.data.clone());
                return self.create(&path, &data, out);
            }
            KeeperOperation::Set | KeeperOperation::FanOut => false,
            KeeperOperation::Get => true,
            KeeperOperation::Mixed => count % 10 != 9,
        };
        let path = self.own(connection);
        self.header(if get { GET_DATA } else { SET_DATA }, out);
        text(path.as_bytes(), out);
        if get {
            out.push(0);
        } else {
            text(&self.data, out);
            out.extend_from_slice(&(-1_i32).to_be_bytes());
        }
    }

    fn answered(&mut self, connection: usize, answer: &[u8]) -> Result<Option<(u64, u64)>, String> {
        if self.operation == KeeperOperation::FanOut && is_event(answer) {
            return Ok(None);
        }
        self.received[connection] += 1;
        match error_of(answer)? {
            0 => Ok(Some((1, self.data.len() as u64))),
            error => Err(format!("error {error}")),
        }
    }
}

/// Whether a frame is the event of a watch, not an answer.
pub(crate) fn is_event(frame: &[u8]) -> bool {
    frame.starts_with(&EVENT)
}

/// The error in a reply header: after xid (4 bytes) and zxid (8).
fn error_of(answer: &[u8]) -> Result<i32, String> {
    let field = answer.get(12..16).ok_or("an answer of less than 16 bytes")?;
    Ok(i32::from_be_bytes(field.try_into().expect("four bytes")))
}
