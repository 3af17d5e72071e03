//! The words and bytes of Kafka's protocol: messages, headers, record batches.
//!
//! Messages are generated from the tables in `tables/` (see the README there). Decoding shares the received
//! bytes and is bounded by them; encoding gives a [`Frame`] whose record bytes were never copied.

mod api_key;
pub mod batch;
pub mod compression;
mod error_code;
mod frame;
mod header;
pub mod limits;
pub mod message;
mod reader;
mod record_bytes;
pub mod records;
mod uuid;
mod wire_error;
mod writer;

pub use api_key::ApiKey;
pub use error_code::ErrorCode;
pub use frame::Frame;
pub use header::{RequestHeader, ResponseHeader};
pub use reader::Reader;
pub use record_bytes::Records;
pub use uuid::{Uuid, UuidParseError};
pub use wire_error::WireError;
pub use writer::{Tags, Writer};

use std::ops::RangeInclusive;

/// A message, or a part of one, in all its versions.
pub trait Message: Sized {
    /// The versions that the tables define.
    const VERSIONS: RangeInclusive<i16>;

    /// Reads the message; fields that `version` lacks take their defaults.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError>;

    /// Writes the message; fields that `version` lacks are left out, and null is written as empty where
    /// `version` cannot say null.
    fn encode(&self, writer: &mut Writer, version: i16);
}

/// A message that asks, and so belongs to an API.
pub trait Request: Message {
    /// The API.
    const API: ApiKey;
    /// The message that answers.
    type Response: Message;
}

/// Java's `String.hashCode`: places groups and transactional ids on the partitions of the internal topics.
///
/// Java counts in UTF-16 units, so characters outside of the basic plane count as two.
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// Refuses versions that the tables do not define.
fn check_version<M: Message>(version: i16) -> Result<(), WireError> {
    if M::VERSIONS.contains(&version) { Ok(()) } else { Err(WireError::UnsupportedVersion { version }) }
}

#[cfg(test)]
mod tests {
    use super::java_string_hash;

    #[test]
    fn string_hash_is_javas() {
        let check = |text: &str, hash: i32| assert_eq!(java_string_hash(text), hash, "{text}");
        check("", 0);
        check("a", 97);
        check("hello", 99_162_322);
        check("test_group", 2_059_298_962);
        check("polygenelubricants", i32::MIN);
    }
}
