//! connections: each one with its session and its counters; those over TLS stand apart.

use serde_json::{Value, json};

use super::Fields;
use crate::connection::Connection;
use crate::keeper::Keeper;
use crate::limits::LISTED_MAX;

/// How much is said of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Detail {
    Brief,
    Full,
}

impl Keeper {
    pub(super) fn all_connections(&self, detail: Detail) -> Fields {
        let mut connections: Vec<&Connection> = self.connections.values().take(LISTED_MAX).collect();
        connections.sort_unstable_by_key(|connection| connection.id);
        let list = connections.into_iter().map(|connection| describe(connection, detail)).collect();
        Fields::from_iter([
            ("connections".to_owned(), Value::Array(list)),
            ("secure_connections".to_owned(), Value::Array(Vec::new())),
        ])
    }
}

fn describe(connection: &Connection, detail: Detail) -> Value {
    let usage = &connection.usage;
    let mut value = json!({
        "remote_socket_address": connection.peer.to_string(),
        "interest_ops": u8::from(!connection.paused),
        "outstanding_requests": connection.outstanding,
        "packets_received": usage.received,
        "packets_sent": usage.sent,
    });
    if let (Detail::Full, Value::Object(fields)) = (detail, &mut value) {
        let latency = &usage.latency;
        let more = super::fields(json!({
            "session_id": connection.session.0,
            "last_operation": usage.last_op,
            "established": connection.established.as_ms(),
            "session_timeout": connection.timeout_ms,
            "last_cxid": usage.last_xid,
            "last_zxid": usage.last_zxid.0,
            "last_response_time": usage.last_response.as_ms(),
            "last_latency": latency.last_ms,
            "min_latency": latency.min_ms,
            "avg_latency": latency.average_ms() as u64,
            "max_latency": latency.max_ms,
        }));
        fields.extend(more);
    }
    value
}
