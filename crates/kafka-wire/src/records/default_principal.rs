//! `DefaultPrincipalData`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, WireError, Writer};

/// `DefaultPrincipalData`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefaultPrincipalData {
    pub r#type: String,
    pub name: String,
    pub token_authenticated: bool,
}

impl Message for DefaultPrincipalData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.r#type = reader.string(true)?;
        message.name = reader.string(true)?;
        message.token_authenticated = reader.bool()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.r#type);
        writer.string(true, &self.name);
        writer.bool(self.token_authenticated);
        writer.no_tags();
    }
}
