//! Why bytes are not the message they should be.

use std::fmt;

/// A failure to decode. Every variant is the sender's fault; the answer is to close the connection or to
/// report the one batch that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes end before the value does.
    Truncated,
    /// A length or count is negative where null is not allowed, or exceeds what the bytes left could hold.
    Length,
    /// Null where the version does not allow it.
    UnexpectedNull,
    /// A variable-length number longer than its type.
    Varint,
    /// A string that is not UTF-8.
    Utf8,
    /// The tables do not define this version.
    UnsupportedVersion {
        /// The version asked for.
        version: i16,
    },
    /// A tagged field whose content is longer or shorter than its size says.
    TaggedField {
        /// The tag.
        tag: u32,
    },
    /// More elements or tagged fields than `limits.rs` allows.
    TooMany,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Truncated => f.write_str("the message ends too early"),
            WireError::Length => f.write_str("a length that the message cannot hold"),
            WireError::UnexpectedNull => f.write_str("null in a field that may not be null"),
            WireError::Varint => f.write_str("a variable-length number that is too long"),
            WireError::Utf8 => f.write_str("a string that is not UTF-8"),
            WireError::UnsupportedVersion { version } => write!(f, "version {version} is not defined"),
            WireError::TaggedField { tag } => write!(f, "tagged field {tag} does not fill its size"),
            WireError::TooMany => f.write_str("more elements than a message may hold"),
        }
    }
}

impl std::error::Error for WireError {}
