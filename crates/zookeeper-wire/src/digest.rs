//! The identity behind a user name and password in the `digest` scheme.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// `user:base64(SHA1(user:password))` from `user:password`.
///
/// Like the original, only what stands before the first colon is the user, and a credential without
/// one is its own user.
pub fn digest_id(credential: &str) -> String {
    let user = credential.split(':').next().unwrap_or_default();
    format!("{user}:{}", STANDARD.encode(Sha1::digest(credential.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_ids_are_the_originals() {
        let check = |credential, expect: &str| assert_eq!(digest_id(credential), expect);
        // The pair in the documentation of the original.
        check("super:test", "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
        check("user1:12345", "user1:+owfoSBn/am19roBPzR1/MfCblE=");
    }
}
