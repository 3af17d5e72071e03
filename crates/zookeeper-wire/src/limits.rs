//! The bounds of this crate, each with its unit and its reason.

/// Bytes in a frame's payload that a server accepts unless configured otherwise: the original's
/// default of `jute.maxbuffer`.
pub const FRAME_BYTES_MAX: usize = 0xf_ffff;

/// Bytes in a session password: fixed by the protocol.
pub const PASSWORD_BYTES: usize = 16;

/// Bytes in a password field that are read before the request is refused. The protocol has only
/// ever used 16; the slack is for clients that send something else and deserve a clean refusal.
pub const PASSWORD_FIELD_BYTES_MAX: usize = 256;

const _: () = assert!(PASSWORD_BYTES <= PASSWORD_FIELD_BYTES_MAX);
