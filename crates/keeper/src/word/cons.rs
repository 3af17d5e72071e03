//! cons: every connection with its session and its counters.

use std::fmt::Write;

use zookeeper_wire::SessionId;

use crate::connection::Connection;
use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn cons(&self) -> String {
        let mut text = String::new();
        self.write_connections(&mut text, false);
        text.push('\n');
        text
    }

    /// In order of their numbers, a line each.
    pub(super) fn write_connections(&self, text: &mut String, brief: bool) {
        let mut connections: Vec<&Connection> = self.connections.values().collect();
        connections.sort_unstable_by_key(|connection| connection.id);
        for connection in connections {
            self.write_connection(text, connection, brief);
            text.push('\n');
        }
    }

    fn write_connection(&self, text: &mut String, connection: &Connection, brief: bool) {
        let usage = &connection.usage;
        // The bits that the original is interested in: reading, unless it is paused.
        let interest = u8::from(!connection.paused);
        let _ = write!(
            text,
            " /{}[{interest:x}](queued={},recved={},sent={}",
            connection.peer, connection.outstanding, usage.received, usage.sent
        );
        if !brief && connection.session != SessionId::NONE {
            let _ = write!(
                text,
                ",sid={},lop={},est={},to={}",
                connection.session,
                usage.last_op,
                connection.established.as_ms(),
                connection.timeout_ms
            );
            if usage.last_xid >= 0 {
                let _ = write!(text, ",lcxid=0x{:x}", usage.last_xid);
            }
            let latency = &usage.latency;
            let _ = write!(
                text,
                ",lzxid={},lresp={},llat={},minlat={},avglat={},maxlat={}",
                usage.last_zxid,
                usage.last_response.as_ms(),
                latency.last_ms,
                latency.min_ms,
                latency.average_ms() as u64,
                latency.max_ms
            );
        }
        text.push(')');
    }
}
