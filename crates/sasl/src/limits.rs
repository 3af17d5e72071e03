//! Every bound of this crate, with its unit and its reason.

/// Longest challenge of a DIGEST-MD5 server, in bytes (RFC 2831, 2.1.1).
pub const DIGEST_CHALLENGE_BYTES_MAX: usize = 2048;

/// Longest response of a DIGEST-MD5 client, in bytes (RFC 2831, 2.1.2).
pub const DIGEST_RESPONSE_BYTES_MAX: usize = 4096;
