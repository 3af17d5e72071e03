//! What stands in the data of packets, one type for each kind that has any of its own.
//!
//! All of them tolerate bytes behind what they know: that is where servers of other makes put things,
//! and where the original ignores them.

use bytes::Bytes;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{OpCode, SessionId, WireError, Xid};

use crate::ServerId;
use crate::limits::TOUCHED_SESSIONS_MAX;

/// The protocol that is spoken: since 3.4.0, with `LEADERINFO` and `ACKEPOCH`.
pub const PROTOCOL: i32 = 0x1_0000;

/// Who connects: the data of `FOLLOWERINFO` and `OBSERVERINFO`.
///
/// ```text
/// server i64 | protocol i32 | configuration i64
/// ```
/// Older servers stop after the protocol, still older ones after the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LearnerInfo {
    /// Which server; negative for one without a name.
    pub server: ServerId,
    /// The protocol that it speaks; less than [`PROTOCOL`] is refused.
    pub protocol: i32,
    /// The version of the membership that it knows; 0 if it does not say.
    pub configuration: i64,
}

/// The data of `LEADERINFO`: the leader's protocol. The epoch is that of the packet's zxid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaderInfo {
    /// The protocol that it speaks.
    pub protocol: i32,
}

/// The data of `ACKEPOCH`. The packet's zxid is the last of the learner's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AckEpoch {
    /// The learner's current epoch; `None` (-1) if it had accepted this leader's epoch before, so that
    /// it must not be counted again.
    pub current: Option<i32>,
}

/// The data of a learner's `PING`: sessions heard of since its last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// Each with its time-out in milliseconds.
    pub sessions: Vec<(SessionId, i32)>,
}

/// The data of a learner's `REVALIDATE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revalidate {
    /// The session that a client came back with.
    pub session: SessionId,
    /// The time-out that it asks for, in milliseconds.
    pub timeout_ms: i32,
}

/// The data of the leader's answer to `REVALIDATE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revalidated {
    /// The session.
    pub session: SessionId,
    /// Whether it lives.
    pub valid: bool,
}

/// The data of `REQUEST`: a client's request as its learner hands it on.
///
/// ```text
/// session i64 | xid i32 | operation i32 | the request's record
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forwarded {
    /// Whose request.
    pub session: SessionId,
    /// The client's number for it.
    pub xid: Xid,
    /// What it asks for.
    pub op: OpCode,
    /// The record behind the client's header, untouched.
    pub request: Bytes,
}

impl LearnerInfo {
    /// From a packet's data; `None` stands for a server without a name and of the oldest protocol.
    pub fn decode(data: Option<Bytes>) -> Result<LearnerInfo, WireError> {
        let data = data.unwrap_or_default();
        let length = data.len();
        let mut reader = Reader::new(data);
        let server = if length >= 8 { ServerId(reader.i64()?) } else { ServerId(-1) };
        let protocol = if length >= 12 { reader.i32()? } else { 0 };
        let configuration = if length >= 20 { reader.i64()? } else { 0 };
        Ok(LearnerInfo { server, protocol, configuration })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(20);
        writer.i64(self.server.0);
        writer.i32(self.protocol);
        writer.i64(self.configuration);
        writer.finish()
    }
}

impl LeaderInfo {
    /// From a packet's data.
    pub fn decode(data: Option<Bytes>) -> Result<LeaderInfo, WireError> {
        let protocol = Reader::new(data.ok_or(WireError::Null)?).i32()?;
        Ok(LeaderInfo { protocol })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        Bytes::copy_from_slice(&self.protocol.to_be_bytes())
    }
}

impl AckEpoch {
    /// From a packet's data.
    pub fn decode(data: Option<Bytes>) -> Result<AckEpoch, WireError> {
        let current = Reader::new(data.ok_or(WireError::Null)?).i32()?;
        Ok(AckEpoch { current: (current != -1).then_some(current) })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        Bytes::copy_from_slice(&self.current.unwrap_or(-1).to_be_bytes())
    }
}

impl Touched {
    /// Bytes of one session.
    const EACH: usize = 12;

    /// From a packet's data. A piece of a session at the end is left alone.
    pub fn decode(data: Option<Bytes>) -> Result<Touched, WireError> {
        let data = data.unwrap_or_default();
        let count = data.len() / Self::EACH;
        if count > TOUCHED_SESSIONS_MAX {
            return Err(WireError::BadLength(i32::try_from(count).unwrap_or(i32::MAX)));
        }
        let mut reader = Reader::new(data);
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push((SessionId(reader.i64()?), reader.i32()?));
        }
        Ok(Touched { sessions })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(self.sessions.len() * Self::EACH);
        for (session, timeout_ms) in &self.sessions {
            writer.i64(session.0);
            writer.i32(*timeout_ms);
        }
        writer.finish()
    }
}

impl Revalidate {
    /// From a packet's data.
    pub fn decode(data: Option<Bytes>) -> Result<Revalidate, WireError> {
        let mut reader = Reader::new(data.ok_or(WireError::Null)?);
        Ok(Revalidate { session: SessionId(reader.i64()?), timeout_ms: reader.i32()? })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(12);
        writer.i64(self.session.0);
        writer.i32(self.timeout_ms);
        writer.finish()
    }
}

impl Revalidated {
    /// From a packet's data.
    pub fn decode(data: Option<Bytes>) -> Result<Revalidated, WireError> {
        let mut reader = Reader::new(data.ok_or(WireError::Null)?);
        Ok(Revalidated { session: SessionId(reader.i64()?), valid: reader.bool()? })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(9);
        writer.i64(self.session.0);
        writer.bool(self.valid);
        writer.finish()
    }
}

impl Forwarded {
    /// From a packet's data.
    pub fn decode(data: Option<Bytes>) -> Result<Forwarded, WireError> {
        let mut reader = Reader::new(data.ok_or(WireError::Null)?);
        let (session, xid, op) = (SessionId(reader.i64()?), Xid(reader.i32()?), OpCode(reader.i32()?));
        Ok(Forwarded { session, xid, op, request: reader.rest() })
    }

    /// To a packet's data.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(16 + self.request.len());
        writer.i64(self.session.0);
        writer.i32(self.xid.0);
        writer.i32(self.op.0);
        writer.raw(&self.request);
        writer.finish()
    }
}
