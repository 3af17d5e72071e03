//! Who is connected, and whether a request of theirs is being served.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The shell's number for a connection; never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// Position of a listener in [`crate::Settings::listeners`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenerIndex(pub usize);

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) listener: ListenerIndex,
    /// Whether a request is in the node. At most one is: the shell waits for its reply.
    pub(crate) busy: bool,
}

/// The open connections.
#[derive(Default)]
pub(crate) struct Connections {
    open: BTreeMap<ConnectionId, Connection>,
}

impl Connections {
    pub(crate) fn open(&mut self, id: ConnectionId, peer: SocketAddr, listener: ListenerIndex) {
        let before = self.open.insert(id, Connection { peer, listener, busy: false });
        assert!(before.is_none(), "the shell used connection number {} twice", id.0);
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    pub(crate) fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.open.get_mut(&id)
    }
}
