//! Kafka's 16-byte identifiers, written in URL-safe base64 without padding.

use std::fmt;
use std::str::FromStr;

/// A topic id, a directory id, a telemetry client id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of the text form.
const TEXT_LEN: usize = 22;

impl Uuid {
    /// "No id".
    pub const ZERO: Uuid = Uuid([0; 16]);

    /// A version-4 identifier from 16 random bytes.
    ///
    /// Kafka never uses one whose text begins with a dash (it would look like an option on a command line);
    /// such bytes give `None`, as do those of the two reserved values.
    pub fn from_random(mut bytes: [u8; 16]) -> Option<Uuid> {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let uuid = Uuid(bytes);
        (!uuid.to_string().starts_with('-')).then_some(uuid)
    }

    /// Whether this is "no id".
    pub fn is_zero(self) -> bool {
        self == Uuid::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LEN];
        // 128 bits fill 21 characters and the upper two bits of the last one.
        let value = u128::from_be_bytes(self.0);
        for (index, character) in text.iter_mut().enumerate() {
            let shift = 122 - 6 * index as i32;
            let bits = if shift >= 0 { value >> shift } else { value << -shift };
            *character = ALPHABET[(bits & 0x3f) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UuidParseError;

impl fmt::Display for UuidParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier is 22 characters of URL-safe base64")
    }
}

impl std::error::Error for UuidParseError {}

impl FromStr for Uuid {
    type Err = UuidParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_suffix("==").unwrap_or(text).as_bytes();
        if text.len() != TEXT_LEN {
            return Err(UuidParseError);
        }
        let mut value: u128 = 0;
        for (index, character) in text.iter().enumerate() {
            let bits = ALPHABET.iter().position(|known| known == character).ok_or(UuidParseError)? as u128;
            value = if index == TEXT_LEN - 1 { value << 2 | bits >> 4 } else { value << 6 | bits };
        }
        Ok(Uuid(value.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;

    #[test]
    fn text_is_url_safe_base64() {
        let check = |bytes: [u8; 16], text: &str| {
            assert_eq!(Uuid(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(Uuid(bytes)));
        };
        check([0; 16], "AAAAAAAAAAAAAAAAAAAAAA");
        check([0xff; 16], "_____________________w");
        check([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "AAAAAAAAAAAAAAAAAAAAAQ");
        check(*b"0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAA+", "AAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }

    #[test]
    fn random_ids_have_version_four_and_no_dash_in_front() {
        assert_eq!(Uuid::from_random([0xfb; 16]), None);
        let uuid = Uuid::from_random([7; 16]).unwrap();
        assert_eq!((uuid.0[6] >> 4, uuid.0[8] >> 6), (4, 2));
    }
}
