//! What the keeper's clients and peers may send. What is accepted is written and read again as the same.

use bytes::Bytes;
use sasl::DigestMd5Server;
use zab::Notification;
use zab::packet::{Measure, QuorumPacket};
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::txn::TxnEntry;
use zookeeper_wire::{
    ConnectRequest, ConnectResponse, MultiResult, OpCode, ReplyHeader, Request, RequestHeader, Response,
    WatcherEvent,
};

fn reader(bytes: &[u8]) -> Reader {
    Reader::new(Bytes::copy_from_slice(bytes))
}

/// The first byte is the operation; the two that are negative have bytes of their own.
fn operation(bytes: &[u8]) -> Option<(OpCode, &[u8])> {
    let (op, body) = bytes.split_first()?;
    Some((OpCode(i32::from(*op as i8)), body))
}

/// An operation and its body.
pub(crate) fn request(bytes: &[u8]) {
    let Some((op, body)) = operation(bytes) else { return };
    if let Ok(request) = Request::decode(op, &mut reader(body)) {
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let again = Request::decode(op, &mut Reader::new(writer.finish()));
        assert_eq!(again.as_ref(), Ok(&request));
    }
    let _ = reader(body).record::<RequestHeader>();
}

/// An operation and the body of its answer, as our own client reads it.
pub(crate) fn response(bytes: &[u8]) {
    let Some((op, body)) = operation(bytes) else { return };
    if let Ok(response) = Response::decode(op, &mut reader(body)) {
        let mut writer = Writer::new();
        response.encode(&mut writer);
        let again = Response::decode(op, &mut Reader::new(writer.finish()));
        assert_eq!(again.as_ref(), Ok(&response));
    }
    let _ = MultiResult::read_all(&mut reader(body));
    let _ = reader(body).record::<ReplyHeader>();
    let _ = reader(body).record::<WatcherEvent>();
}

/// The first frames of a connection, in both directions.
pub(crate) fn connect(bytes: &[u8]) {
    let _ = ConnectRequest::decode(&mut reader(bytes));
    let _ = ConnectResponse::decode(&mut reader(bytes));
}

/// A transaction, from a log or from a leader.
pub(crate) fn txn(bytes: &[u8]) {
    if let Ok(entry) = TxnEntry::decode(Bytes::copy_from_slice(bytes)) {
        let mut writer = Writer::new();
        entry.encode(&mut writer);
        assert_eq!(TxnEntry::decode(writer.finish()).as_ref(), Ok(&entry));
    }
}

/// The stream between leader and learner: measured as it arrives, then read.
pub(crate) fn quorum_packet(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(measure) = QuorumPacket::measure(rest) {
        let length = match measure {
            Measure::Whole(length) => length,
            Measure::AtLeast(length) => {
                assert!(length > rest.len(), "{length} bytes have arrived");
                return;
            }
        };
        assert!(length <= rest.len() && length >= QuorumPacket::BYTES_MIN, "{length} bytes");
        let (packet, behind) = rest.split_at(length);
        // Every shorter piece of a whole packet asks for more, never for too much.
        for cut in [0, length / 2, length - 1] {
            match QuorumPacket::measure(&packet[..cut]) {
                Ok(Measure::AtLeast(more)) => assert!(more > cut && more <= length),
                other => panic!("{cut} bytes of {length}: {other:?}"),
            }
        }
        if let Ok(packet) = QuorumPacket::decode(Bytes::copy_from_slice(packet)) {
            assert_eq!(QuorumPacket::decode(packet.encode()).as_ref(), Ok(&packet));
        }
        rest = behind;
    }
}

/// A vote from another server.
pub(crate) fn election(bytes: &[u8]) {
    let Ok(vote) = Notification::decode(Bytes::copy_from_slice(bytes)) else { return };
    // Older ones are written anew in the present form.
    if vote.format >= 2 {
        let again = Notification::decode(vote.encode());
        assert_eq!(again.map(|it| (it.state, it.vote, it.round)), Ok((vote.state, vote.vote, vote.round)));
    }
}

/// The answer to a challenge. Nobody gets in who does not know the password.
pub(crate) fn digest_md5(bytes: &[u8]) {
    let mut server = DigestMd5Server::new("zookeeper", "zk-sasl-md5", "0123456789abcdef".to_owned());
    assert!(server.step(b"", |_| None).is_ok());
    let told = server.step(bytes, |user| (user != "nobody").then(|| "secret that is in no input".to_owned()));
    assert!(told.is_err());
}
