//! SASL mechanisms as pure state machines: messages and passwords in, messages and names out.
//!
//! A mechanism knows no socket, no file of users and no randomness: who drives it looks up passwords and
//! brings nonces. Messages come from anybody, before anything is known of him: they are bounded and
//! parsed, never trusted.

mod digest_md5;
pub mod limits;

pub use digest_md5::{DigestMd5Client, DigestMd5Server, Refused, Step, Verified, nonce};
