//! The packets of the quorum port: what a leader and those who learn from it say to each other.
//!
//! ```text
//! kind i32 | zxid i64 | data buffer (may be null) | identities: count i32, then {scheme string | id string}
//! ```
//! There is no outer length, so where a packet ends is known only by walking over it:
//! [`QuorumPacket::measure`] does that over whatever has arrived, and says how many bytes are needed at
//! least if it is not whole. What its data means is in [`payload`]; the first message of the other port
//! between servers is in [`Greeting`]. Source: jute `QuorumPacket`, observed on the wire.

mod greeting;
pub mod payload;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{WireError, Zxid};

use crate::limits::{PACKET_BUFFER_BYTES_MAX, PACKET_IDENTITIES_MAX};

pub use greeting::Greeting;

/// What a packet is. A newtype and not an enum: what we do not know is handed on, since peers ignore it
/// in most places, and so must we.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketKind(pub i32);

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $number:literal;)*) => {
        impl PacketKind {
            $($(#[$meta])* pub const $name: PacketKind = PacketKind($number);)*

            /// The name in the field's spelling, for logs.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(PacketKind::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// Learner to leader: a client's request to be put in order ([`payload::Forwarded`]).
    REQUEST = 1;
    /// Leader to follower: a transaction in its place.
    PROPOSAL = 2;
    /// Follower to leader: the transaction of this zxid is durable here.
    ACK = 3;
    /// Leader to follower: apply the oldest proposal.
    COMMIT = 4;
    /// Both ways; the answer names the sessions that were alive ([`payload::Touched`]).
    PING = 5;
    /// Learner to leader: is this session alive, and mine from now on ([`payload::Revalidate`],
    /// answered by [`payload::Revalidated`])?
    REVALIDATE = 6;
    /// Leader to learner: the oldest sync request is done.
    SYNC = 7;
    /// Leader to observer: a committed transaction.
    INFORM = 8;
    /// Leader to follower: commit of a reconfiguration.
    COMMITANDACTIVATE = 9;
    /// Leader to learner: you have the history; its data is the membership as text.
    NEWLEADER = 10;
    /// Follower to leader: the first packet ([`payload::LearnerInfo`]).
    FOLLOWERINFO = 11;
    /// Leader to learner: serve clients.
    UPTODATE = 12;
    /// Leader to learner: you lack only what follows.
    DIFF = 13;
    /// Leader to learner: cut your history behind this zxid.
    TRUNC = 14;
    /// Leader to learner: a snapshot follows, in no packet.
    SNAP = 15;
    /// Observer to leader: the first packet ([`payload::LearnerInfo`]).
    OBSERVERINFO = 16;
    /// Leader to learner: the new epoch ([`payload::LeaderInfo`]).
    LEADERINFO = 17;
    /// Learner to leader: the epoch is accepted ([`payload::AckEpoch`]).
    ACKEPOCH = 18;
    /// Leader to observer: a committed reconfiguration.
    INFORMANDACTIVATE = 19;
}

impl fmt::Debug for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "packet {}", self.0),
        }
    }
}

/// One identity of the client whose request is forwarded. The leader takes the learner's word for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// How the id is to be understood: `digest`, `ip`, ...
    pub scheme: Cow<'static, str>,
    /// The identity, in the notation of its scheme.
    pub id: Cow<'static, str>,
}

/// One packet of the quorum port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuorumPacket {
    /// What it is.
    pub kind: PacketKind,
    /// What it is about; a zxid in most kinds.
    pub zxid: Zxid,
    /// What belongs to it, as the kind has it.
    pub data: Option<Bytes>,
    /// Who asked; only in [`PacketKind::REQUEST`].
    pub identities: Vec<Identity>,
}

/// How far a packet at the head of a stream has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// It is whole, and this many bytes long.
    Whole(usize),
    /// It needs this many bytes at least; more than have arrived.
    AtLeast(usize),
}

impl QuorumPacket {
    /// The fewest bytes of a packet: no data, no identities.
    pub const BYTES_MIN: usize = 20;

    /// A packet without data.
    pub const fn bare(kind: PacketKind, zxid: Zxid) -> QuorumPacket {
        QuorumPacket { kind, zxid, data: None, identities: Vec::new() }
    }

    /// A packet with data.
    pub const fn with(kind: PacketKind, zxid: Zxid, data: Bytes) -> QuorumPacket {
        QuorumPacket { kind, zxid, data: Some(data), identities: Vec::new() }
    }

    /// How long the packet is that begins with `arrived`. An error means that no packet begins so: the
    /// link must be closed.
    pub fn measure(arrived: &[u8]) -> Result<Measure, WireError> {
        let mut walk = Walk { arrived, at: 12 };
        let Some(()) = walk.buffer()? else { return Ok(walk.needs(Self::BYTES_MIN)) };
        let Some(count) = walk.i32() else { return Ok(walk.needs(walk.at + 4)) };
        let count = match usize::try_from(count) {
            Ok(count) if count <= PACKET_IDENTITIES_MAX => count,
            Err(_) if count == -1 => 0,
            _ => return Err(WireError::BadLength(count)),
        };
        walk.at += 4;
        for left in (0..count).rev() {
            for _ in 0..2 {
                if walk.buffer()?.is_none() {
                    return Ok(walk.needs(walk.at + 4 + 8 * left));
                }
            }
        }
        Ok(Measure::Whole(walk.at))
    }

    /// From the bytes of exactly one packet, whose data stays where it is.
    pub fn decode(bytes: Bytes) -> Result<QuorumPacket, WireError> {
        let mut reader = Reader::new(bytes);
        let packet = Self::read(&mut reader)?;
        match reader.remaining() {
            0 => Ok(packet),
            more => Err(WireError::BadLength(i32::try_from(more).unwrap_or(i32::MAX))),
        }
    }

    fn read(reader: &mut Reader) -> Result<QuorumPacket, WireError> {
        let (kind, zxid) = (PacketKind(reader.i32()?), Zxid(reader.i64()?));
        let data = reader.buffer()?;
        let count = reader.count(8)?.unwrap_or(0);
        if count > PACKET_IDENTITIES_MAX {
            return Err(WireError::BadLength(i32::try_from(count).unwrap_or(i32::MAX)));
        }
        let mut identities = Vec::with_capacity(count);
        for _ in 0..count {
            identities.push(Identity { scheme: reader.record()?, id: reader.record()? });
        }
        Ok(QuorumPacket { kind, zxid, data, identities })
    }

    /// Appends it as the wire has it.
    pub fn write(&self, writer: &mut Writer) {
        writer.i32(self.kind.0);
        writer.i64(self.zxid.0);
        writer.buffer(self.data.as_deref());
        // The original leaves the vector null where there is nobody to name.
        if self.identities.is_empty() {
            return writer.i32(-1);
        }
        writer.length(self.identities.len());
        for identity in &self.identities {
            writer.text(&identity.scheme);
            writer.text(&identity.id);
        }
    }

    /// As the wire has it.
    pub fn encode(&self) -> Bytes {
        let data = self.data.as_ref().map_or(0, Bytes::len);
        let mut writer = Writer::with_capacity(Self::BYTES_MIN + data);
        self.write(&mut writer);
        writer.finish()
    }
}

/// A walk over lengths, without reading what they are of.
struct Walk<'a> {
    arrived: &'a [u8],
    /// How far it came; may lie behind what has arrived.
    at: usize,
}

impl Walk<'_> {
    fn i32(&self) -> Option<i32> {
        let bytes = self.arrived.get(self.at..)?.first_chunk::<4>()?;
        Some(i32::from_be_bytes(*bytes))
    }

    /// Passes over a buffer; `None` (in its place, behind what was passed) if it has not arrived.
    fn buffer(&mut self) -> Result<Option<()>, WireError> {
        let Some(length) = self.i32() else { return Ok(None) };
        let bytes = match usize::try_from(length) {
            Ok(bytes) if bytes <= PACKET_BUFFER_BYTES_MAX => bytes,
            Err(_) if length == -1 => 0,
            _ => return Err(WireError::BadLength(length)),
        };
        if self.arrived.len() - self.at - 4 < bytes {
            // A later read is told to bring all of it.
            self.at += bytes;
            return Ok(None);
        }
        self.at += 4 + bytes;
        Ok(Some(()))
    }

    fn needs(&self, at_least: usize) -> Measure {
        let least = at_least.max(self.at + 4).max(self.arrived.len() + 1);
        Measure::AtLeast(least)
    }
}

#[cfg(test)]
mod tests;
