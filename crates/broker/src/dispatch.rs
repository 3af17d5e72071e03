//! From a frame to the API file that serves it: header, version check, body.

use bytes::Bytes;
use clock::Now;
use disk::Disk;
use kafka_wire::{ApiKey, Reader, Request, RequestHeader};

use crate::api::{self, api_versions};
use crate::call::Call;
use crate::connection::Progress;
use crate::{Broker, CloseReason, ConnectionId, Effect};

/// Serves one frame of a connection.
pub(crate) fn received<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    id: ConnectionId,
    frame: Bytes,
    effects: &mut Vec<Effect>,
) {
    // The broker may have closed the connection while the shell was handing over its next frame.
    let Some(connection) = broker.connections.find(id) else { return };
    if !connection.is_idle() && !is_produce(&frame) {
        return connection.hold(frame);
    }
    let (listener, client_address) = (connection.listener, connection.peer.ip());
    let number = connection.begin();

    let frame_bytes = frame.len();
    let mut reader = Reader::new(frame);
    let Ok(header) = RequestHeader::decode(&mut reader) else {
        return broker.finish(id, number, Progress::Refused(CloseReason::MalformedHeader), effects);
    };
    let Some(api) = api::find(header.api_key) else {
        return broker.finish(id, number, Progress::Refused(unsupported(&header)), effects);
    };
    let call = Call {
        connection: id,
        number,
        correlation_id: header.correlation_id,
        api,
        api_version: header.api_version,
        client_id: header.client_id,
        client_address,
        listener,
        frame_bytes,
    };
    if !api::served(api).contains(&call.api_version) {
        if api == api_versions::KEY {
            return api_versions::serve_unknown_version(broker, call, effects);
        }
        let reason = CloseReason::UnsupportedRequest { api_key: header.api_key, version: call.api_version };
        return broker.refuse(call, reason, effects);
    }
    api::serve(broker, now, call, reader, effects);
}

/// Serves the requests that waited for those before them on their connection.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    while let Some((id, frame)) = broker.connections.next_unheld() {
        received(broker, now, id, frame, effects);
    }
}

/// Whether a frame says that it is a produce request.
fn is_produce(frame: &[u8]) -> bool {
    frame.first_chunk().is_some_and(|key| i16::from_be_bytes(*key) == ApiKey::Produce as i16)
}

fn unsupported(header: &RequestHeader) -> CloseReason {
    CloseReason::UnsupportedRequest { api_key: header.api_key, version: header.api_version }
}

/// Decodes the body as `R` and serves it, or closes the connection if it is not one.
pub(crate) fn decode_and_serve<D: Disk, R: Request>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    mut reader: Reader,
    effects: &mut Vec<Effect>,
    serve: fn(&mut Broker<D>, Now, Call, R, &mut Vec<Effect>),
) {
    match R::decode(&mut reader, call.api_version) {
        Ok(request) => serve(broker, now, call, request, effects),
        Err(error) => {
            let reason = CloseReason::MalformedRequest {
                api: call.api.name(),
                version: call.api_version,
                detail: error.to_string(),
            };
            broker.refuse(call, reason, effects);
        }
    }
}

#[cfg(test)]
mod tests;
