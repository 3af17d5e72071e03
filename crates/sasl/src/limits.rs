//! Every bound of this crate, with its unit and its reason.

/// Longest response of a DIGEST-MD5 client, in bytes (RFC 2831, 2.1.2).
pub const DIGEST_RESPONSE_BYTES_MAX: usize = 4096;
