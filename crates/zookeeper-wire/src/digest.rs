//! The identity behind a user name and password in the `digest` scheme.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384, Sha512};

/// The hash that stands for a password: `DigestAuthenticationProvider.digestAlg`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PasswordHash {
    /// SHA-1, the default of the original.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl PasswordHash {
    /// From its name in Java, in any case.
    pub fn parse(name: &str) -> Option<PasswordHash> {
        match name.to_ascii_uppercase().as_str() {
            "SHA1" | "SHA-1" | "SHA" => Some(PasswordHash::Sha1),
            "SHA-256" | "SHA256" => Some(PasswordHash::Sha256),
            "SHA-384" | "SHA384" => Some(PasswordHash::Sha384),
            "SHA-512" | "SHA512" => Some(PasswordHash::Sha512),
            _ => None,
        }
    }

    /// `user:base64(hash(user:password))` from `user:password`.
    ///
    /// Like the original, only what stands before the first colon is the user, and a credential without
    /// one is its own user.
    pub fn digest_id(self, credential: &str) -> String {
        let user = credential.split(':').next().unwrap_or_default();
        let hash = match self {
            PasswordHash::Sha1 => STANDARD.encode(Sha1::digest(credential)),
            PasswordHash::Sha256 => STANDARD.encode(Sha256::digest(credential)),
            PasswordHash::Sha384 => STANDARD.encode(Sha384::digest(credential)),
            PasswordHash::Sha512 => STANDARD.encode(Sha512::digest(credential)),
        };
        format!("{user}:{hash}")
    }
}

/// `user:base64(SHA1(user:password))` from `user:password`: [`PasswordHash::digest_id`] by default.
pub fn digest_id(credential: &str) -> String {
    PasswordHash::Sha1.digest_id(credential)
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
        assert_eq!(
            PasswordHash::Sha256.digest_id("super:test"),
            "super:wjySwxg860UATFtciuZ1lpzrCHrPeov6SPu/ZD56uig="
        );
    }
}
