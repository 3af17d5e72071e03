//! One request that is being served, and how it is answered.

use std::net::IpAddr;

use disk::Disk;
use kafka_wire::{ApiKey, Message, ResponseHeader, Writer};

use crate::connection::Progress;
use crate::limits::RESPONSE_BYTES_EXPECTED;
use crate::{Broker, CloseReason, ConnectionId, Effect, ListenerIndex};

/// Whom to answer, and in which version. Neither `Clone` nor `Copy`: a call is answered once, with
/// [`Broker::answer`], [`Broker::finish_silently`] or [`Broker::refuse`], now or after it was parked.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) connection: ConnectionId,
    /// Its place among the requests of the connection.
    pub(crate) number: u64,
    pub(crate) correlation_id: i32,
    pub(crate) api: ApiKey,
    pub(crate) api_version: i16,
    pub(crate) client_id: Option<String>,
    pub(crate) client_address: IpAddr,
    pub(crate) listener: ListenerIndex,
    /// Length of the whole request, in bytes: what a kept part of it keeps in memory.
    pub(crate) frame_bytes: usize,
}

impl<D: Disk> Broker<D> {
    /// Answers the call. A client that left meanwhile gets nothing.
    pub(crate) fn answer<M: Message>(&mut self, call: Call, response: &M, effects: &mut Vec<Effect>) {
        if self.connections.find(call.connection).is_none() {
            return;
        }
        let mut writer = Writer::with_capacity(RESPONSE_BYTES_EXPECTED);
        let header_version = call.api.response_header_version(call.api_version);
        ResponseHeader { correlation_id: call.correlation_id }.encode(&mut writer, header_version);
        response.encode(&mut writer, call.api_version);
        let frame = writer.finish();
        self.finish(call.connection, call.number, Progress::Done(Some(frame)), effects);
    }

    /// Ends the call without a response, as acks=0 wants it.
    pub(crate) fn finish_silently(&mut self, call: Call, effects: &mut Vec<Effect>) {
        self.finish(call.connection, call.number, Progress::Done(None), effects);
    }

    /// Ends the call, and the connection with it.
    pub(crate) fn refuse(&mut self, call: Call, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.finish(call.connection, call.number, Progress::Refused(reason), effects);
    }

    /// The call has changed all that it is to change and only waits for its acknowledgement: the client's next
    /// request may come in behind it.
    pub(crate) fn let_next_in(&mut self, call: &Call, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.find(call.connection) else { return };
        if connection.let_next_in(call.number) {
            effects.push(Effect::Next { connection: call.connection });
        }
    }

    /// Closes a connection from this side.
    pub(crate) fn close(&mut self, connection: ConnectionId, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.connections.close(connection);
        self.purgatory.forget(connection);
        effects.push(Effect::Close { connection, reason });
    }

    /// Takes note of what became of a request, and tells the shell what follows from it.
    pub(crate) fn finish(
        &mut self,
        id: ConnectionId,
        number: u64,
        progress: Progress,
        effects: &mut Vec<Effect>,
    ) {
        let now = self.connections.now();
        let Some(connection) = self.connections.find(id) else { return };
        let released = connection.done(number, progress, now);
        effects.extend(released.replies.into_iter().map(|frame| Effect::Reply { connection: id, frame }));
        if let Some(reason) = released.end {
            return self.close(id, reason, effects);
        }
        if released.next {
            effects.push(Effect::Next { connection: id });
        }
        if released.unheld {
            self.connections.serve_held(id);
        }
    }
}
