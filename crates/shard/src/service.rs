//! What a shard runs.

use crate::{ConnectionId, Peer, Turn, WhyClosed};
use bytes::Bytes;
use clock::Moment;
use transport::tls::PeerCertificate;

/// The logic behind a shard's connections. Everything it does to them goes through the [`Turn`].
///
/// None of the methods may block for longer than a turn may take.
pub trait Service {
    /// What other threads send.
    type Message: Send;

    /// A connection was accepted, attached or dialled with success.
    fn opened(&mut self, turn: &mut Turn, connection: ConnectionId, peer: Peer);
    /// The connection's TLS handshake is done, with the certificate that the peer has shown, if any. Said
    /// after `opened` and before the first frame; never for connections without TLS.
    fn secured(&mut self, turn: &mut Turn, connection: ConnectionId, peer: Option<PeerCertificate>) {
        let _ = (turn, connection, peer);
    }
    /// A frame came, without its length.
    fn received(&mut self, turn: &mut Turn, connection: ConnectionId, frame: Bytes);
    /// A four-letter word came instead of a first frame.
    fn word(&mut self, turn: &mut Turn, connection: ConnectionId, word: [u8; 4]);
    /// The connection is gone, for whatever reason; said once for each connection, also when the
    /// service closed it itself or when dialling failed.
    fn closed(&mut self, turn: &mut Turn, connection: ConnectionId, why: WhyClosed);
    /// Another thread sent something.
    fn message(&mut self, turn: &mut Turn, message: Self::Message);
    /// [`deadline`](Self::deadline) has come.
    fn woken(&mut self, turn: &mut Turn);
    /// All input of this turn was handed over; after this, bytes are written.
    fn turn_ended(&mut self, turn: &mut Turn);
    /// When to call [`woken`](Self::woken) at the latest.
    fn deadline(&self) -> Option<Moment>;
}
