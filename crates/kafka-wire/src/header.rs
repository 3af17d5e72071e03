//! Request and response headers, whose own version follows from API and version.

use crate::{ApiKey, Reader, WireError, Writer};

/// What precedes every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API asked for; not necessarily one the tables know.
    pub api_key: i16,
    /// The version of the body.
    pub api_version: i16,
    /// Comes back in the response header.
    pub correlation_id: i32,
    /// How the client calls itself.
    pub client_id: Option<String>,
}

/// What precedes every response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// The request's correlation id.
    pub correlation_id: i32,
}

impl ApiKey {
    /// Whether `version` uses compact lengths and tagged fields.
    pub fn is_flexible(self, version: i16) -> bool {
        self.flexible_since().is_some_and(|first| version >= first)
    }

    /// Version of the request header: 0 lacks the client id, 2 adds tagged fields.
    pub fn request_header_version(self, version: i16) -> i16 {
        match self {
            ApiKey::ControlledShutdown if version == 0 => 0,
            _ if self.is_flexible(version) => 2,
            _ => 1,
        }
    }

    /// Version of the response header: 1 adds tagged fields.
    ///
    /// ApiVersions always answers with 0, because its client does not yet know what the broker speaks (KIP-511).
    pub fn response_header_version(self, version: i16) -> i16 {
        match self {
            ApiKey::ApiVersions => 0,
            _ => i16::from(self.is_flexible(version)),
        }
    }
}

impl RequestHeader {
    /// Reads a header; `reader` stands at the body afterwards.
    ///
    /// Of an API that the tables do not know only the fixed part is read, since the rest depends on it.
    pub fn decode(reader: &mut Reader) -> Result<Self, WireError> {
        let mut header = RequestHeader {
            api_key: reader.i16()?,
            api_version: reader.i16()?,
            correlation_id: reader.i32()?,
            client_id: None,
        };
        let Some(api) = ApiKey::from_i16(header.api_key) else { return Ok(header) };
        let version = api.request_header_version(header.api_version);
        if version >= 1 {
            // The client id keeps its classic encoding even in version 2.
            header.client_id = reader.nullable_string(false)?;
        }
        if version >= 2 {
            reader.skip_tags()?;
        }
        Ok(header)
    }

    /// Writes the header in the version that API and version ask for.
    pub fn encode(&self, writer: &mut Writer) {
        let version = match ApiKey::from_i16(self.api_key) {
            Some(api) => api.request_header_version(self.api_version),
            None => 1,
        };
        writer.i16(self.api_key);
        writer.i16(self.api_version);
        writer.i32(self.correlation_id);
        if version >= 1 {
            writer.nullable_string(false, true, self.client_id.as_deref());
        }
        if version >= 2 {
            writer.no_tags();
        }
    }
}

impl ResponseHeader {
    /// Reads a header of `version` ([`ApiKey::response_header_version`]).
    pub fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let correlation_id = reader.i32()?;
        if version >= 1 {
            reader.skip_tags()?;
        }
        Ok(ResponseHeader { correlation_id })
    }

    /// Writes a header of `version`.
    pub fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.correlation_id);
        if version >= 1 {
            writer.no_tags();
        }
    }
}
