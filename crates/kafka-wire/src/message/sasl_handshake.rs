//! `SaslHandshake`, API key 17, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `SaslHandshakeRequest`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeRequest {
    pub mechanism: String,
}

impl Message for SaslHandshakeRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.mechanism = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.mechanism);
    }
}

impl Request for SaslHandshakeRequest {
    const API: ApiKey = ApiKey::SaslHandshake;
    type Response = SaslHandshakeResponse;
}

/// `SaslHandshakeResponse`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeResponse {
    pub error_code: ErrorCode,
    pub mechanisms: Vec<String>,
}

impl Message for SaslHandshakeResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.mechanisms = reader.array(false, 1, |reader| reader.string(false))?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.error_code(self.error_code);
        writer.array_len(false, self.mechanisms.len());
        for item in &self.mechanisms {
            writer.string(false, item);
        }
    }
}
