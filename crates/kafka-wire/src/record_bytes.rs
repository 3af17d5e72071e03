//! Record batches inside of a message: bytes that the codec carries but never looks into.

use bytes::{Bytes, BytesMut};

/// The record batches of one partition as a list of pieces.
///
/// Decoding gives one piece that shares the received frame; a fetch answers with as many pieces as it read
/// from the log. Equality compares the bytes, not how they are cut.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pieces: Vec<Bytes>,
    len: usize,
}

impl Records {
    /// No records (not the same as null).
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push(piece);
        }
    }

    /// Bytes of all pieces together.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces in order; none is empty.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The whole as one piece; copies unless there is at most one piece.
    pub fn to_bytes(&self) -> Bytes {
        match self.pieces.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => {
                let mut whole = BytesMut::with_capacity(self.len);
                for piece in pieces {
                    whole.extend_from_slice(piece);
                }
                whole.freeze()
            }
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        let mut records = Self::new();
        records.push(bytes);
        records
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(pieces: Vec<Bytes>) -> Self {
        let mut records = Self::new();
        for piece in pieces {
            records.push(piece);
        }
        records
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.pieces.iter().flatten().eq(other.pieces.iter().flatten())
    }
}

impl Eq for Records {}
