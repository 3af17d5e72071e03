//! The one message of the election port.
//!
//! ```text
//! state i32 | leader i64 | zxid i64 | round i64 | epoch i64 | format i32 = 2 | length i32 | configuration
//! ```
//! The oldest form (28 bytes) ends before the epoch, which then is that of the zxid; the next (40 bytes)
//! before the length, whatever its format number says. What stands behind the configuration is left
//! alone: newer servers put things there.

use bytes::Bytes;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{WireError, Zxid};

use crate::{ServerId, ServerState, Vote};

/// What one server tells another about its vote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// What its sender is doing.
    pub state: ServerState,
    /// Whom its sender is for.
    pub vote: Vote,
    /// The round of elections that the vote belongs to.
    pub round: i64,
    /// Which form of the message it came in; 0 from servers before 3.4.6.
    pub format: i32,
    /// The membership that its sender goes by, as text; empty if it does not say.
    pub configuration: Bytes,
}

/// The form that is written.
pub(crate) const FORMAT: i32 = 2;

/// The form before it, that ends where the membership would begin.
pub(crate) const FORMAT_WITHOUT_CONFIGURATION: i32 = 1;

const BYTES_OLDEST: usize = 28;
const BYTES_OLD: usize = 40;

impl Notification {
    /// From a frame's payload.
    pub fn decode(payload: Bytes) -> Result<Notification, WireError> {
        let length = payload.len();
        let mut reader = Reader::new(payload);
        let state = reader.i32()?;
        let state = ServerState::from_number(state).ok_or(WireError::UnknownOp(state))?;
        let (leader, zxid, round) = (ServerId(reader.i64()?), Zxid(reader.i64()?), reader.i64()?);
        let epoch = match length {
            BYTES_OLDEST => zxid.0 >> 32,
            _ => reader.i64()?,
        };
        let format = match length {
            BYTES_OLDEST | BYTES_OLD => 0,
            _ => reader.i32()?,
        };
        let configuration =
            if format >= FORMAT { reader.buffer()?.unwrap_or_default() } else { Bytes::new() };
        Ok(Notification { state, vote: Vote { epoch, zxid, leader }, round, format, configuration })
    }

    /// To a frame's payload, in the present form, or the one before it if that is what `format` says.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(44 + self.configuration.len());
        writer.i32(self.state.number());
        for number in [self.vote.leader.0, self.vote.zxid.0, self.round, self.vote.epoch] {
            writer.i64(number);
        }
        writer.i32(self.format.clamp(FORMAT_WITHOUT_CONFIGURATION, FORMAT));
        if self.format >= FORMAT {
            writer.buffer(Some(&self.configuration));
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests;
