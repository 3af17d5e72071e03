//! One request that is being served, and how it is answered.

use std::net::IpAddr;

use disk::Disk;
use kafka_wire::{ApiKey, Message, ResponseHeader, Writer};

use crate::limits::RESPONSE_BYTES_EXPECTED;
use crate::{Broker, CloseReason, ConnectionId, Effect, ListenerIndex};

/// Whom to answer, and in which version. Neither `Clone` nor `Copy`: a call is answered once, with
/// [`Broker::answer`], [`Broker::finish_silently`] or [`Broker::refuse`], now or after it was parked.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) connection: ConnectionId,
    pub(crate) correlation_id: i32,
    pub(crate) api: ApiKey,
    pub(crate) api_version: i16,
    pub(crate) client_id: Option<String>,
    pub(crate) client_address: IpAddr,
    pub(crate) listener: ListenerIndex,
}

impl<D: Disk> Broker<D> {
    /// Answers the call. A client that left meanwhile gets nothing.
    pub(crate) fn answer<M: Message>(&mut self, call: Call, response: &M, effects: &mut Vec<Effect>) {
        if !self.finish(&call) {
            return;
        }
        let mut writer = Writer::with_capacity(RESPONSE_BYTES_EXPECTED);
        let header_version = call.api.response_header_version(call.api_version);
        ResponseHeader { correlation_id: call.correlation_id }.encode(&mut writer, header_version);
        response.encode(&mut writer, call.api_version);
        let frame = writer.finish();
        effects.push(Effect::Reply { connection: call.connection, frame: Some(frame) });
    }

    /// Ends the call without a response, as acks=0 wants it.
    pub(crate) fn finish_silently(&mut self, call: Call, effects: &mut Vec<Effect>) {
        if self.finish(&call) {
            effects.push(Effect::Reply { connection: call.connection, frame: None });
        }
    }

    /// Ends the call, and the connection with it.
    pub(crate) fn refuse(&mut self, call: Call, reason: CloseReason, effects: &mut Vec<Effect>) {
        if self.finish(&call) {
            self.close(call.connection, reason, effects);
        }
    }

    /// Closes a connection from this side.
    pub(crate) fn close(&mut self, connection: ConnectionId, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.connections.close(connection);
        self.purgatory.forget(connection);
        effects.push(Effect::Close { connection, reason });
    }

    /// Whether the client still waits for this call.
    fn finish(&mut self, call: &Call) -> bool {
        match self.connections.find(call.connection) {
            Some(connection) => {
                assert!(connection.busy, "a call is answered once");
                connection.busy = false;
                true
            }
            None => false,
        }
    }
}
