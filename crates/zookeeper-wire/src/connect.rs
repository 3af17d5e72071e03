//! The first frame of a connection and its answer. Both exist in two lengths: clients before 3.4 and
//! several third-party ones leave out the read-only flag, and are answered without it.

use bytes::Bytes;

use crate::jute::{Reader, WireError, Writer};
use crate::limits::{PASSWORD_BYTES, PASSWORD_FIELD_BYTES_MAX};
use crate::{SessionId, Zxid};

/// What a client says first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectRequest {
    /// Zero today.
    pub protocol_version: i32,
    /// The last transaction the client knows of; a server that is behind it must not take the client.
    pub last_zxid_seen: Zxid,
    /// The session time-out it would like, in milliseconds.
    pub timeout_ms: i32,
    /// The session to take up again, or none.
    pub session: SessionId,
    /// The password of that session; any 16 bytes for a new one.
    pub password: Bytes,
    /// May the server be read-only? `None` in the short form.
    pub read_only: Option<bool>,
}

/// What the server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectResponse {
    /// Zero today.
    pub protocol_version: i32,
    /// The negotiated time-out in milliseconds; zero or less if the session is refused.
    pub timeout_ms: i32,
    /// The session; none if refused.
    pub session: SessionId,
    /// Its password; zeros if refused.
    pub password: [u8; PASSWORD_BYTES],
    /// Is this server read-only? Present only if the request carried the flag.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// From a frame's payload, in either length. Bytes behind the flag are ignored.
    pub fn decode(reader: &mut Reader) -> Result<Self, WireError> {
        let protocol_version = reader.i32()?;
        let last_zxid_seen = reader.record()?;
        let timeout_ms = reader.i32()?;
        let session = reader.record()?;
        let password = reader.buffer()?.unwrap_or_default();
        if password.len() > PASSWORD_FIELD_BYTES_MAX {
            return Err(WireError::BadLength(password.len() as i32));
        }
        let read_only = flag(reader)?;
        Ok(ConnectRequest { protocol_version, last_zxid_seen, timeout_ms, session, password, read_only })
    }

    /// To a frame's payload: 45 bytes with the flag, 44 without.
    pub fn encode(&self, writer: &mut Writer) {
        writer.i32(self.protocol_version);
        writer.record(&self.last_zxid_seen);
        writer.i32(self.timeout_ms);
        writer.record(&self.session);
        writer.buffer(Some(&self.password));
        if let Some(read_only) = self.read_only {
            writer.bool(read_only);
        }
    }
}

impl ConnectResponse {
    /// The answer to a session that has expired, never was, or has another password: the three cannot
    /// be told apart.
    pub fn refused(read_only: Option<bool>) -> Self {
        ConnectResponse {
            protocol_version: 0,
            timeout_ms: 0,
            session: SessionId::NONE,
            password: [0; PASSWORD_BYTES],
            read_only,
        }
    }

    /// From a frame's payload, in either length.
    pub fn decode(reader: &mut Reader) -> Result<Self, WireError> {
        let protocol_version = reader.i32()?;
        let timeout_ms = reader.i32()?;
        let session = reader.record()?;
        let field = reader.buffer()?.unwrap_or_default();
        let password = field.as_ref().try_into().map_err(|_| WireError::BadLength(field.len() as i32))?;
        let read_only = flag(reader)?;
        Ok(ConnectResponse { protocol_version, timeout_ms, session, password, read_only })
    }

    /// To a frame's payload: 37 bytes with the flag, 36 without.
    pub fn encode(&self, writer: &mut Writer) {
        writer.i32(self.protocol_version);
        writer.i32(self.timeout_ms);
        writer.record(&self.session);
        writer.buffer(Some(&self.password));
        if let Some(read_only) = self.read_only {
            writer.bool(read_only);
        }
    }
}

fn flag(reader: &mut Reader) -> Result<Option<bool>, WireError> {
    if reader.remaining() == 0 { Ok(None) } else { reader.bool().map(Some) }
}

#[cfg(test)]
mod tests;
