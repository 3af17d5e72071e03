//! The password of a session: not a secret, but a function of the id that every server of an ensemble
//! computes alike, so that sessions move between servers, the originals included.

use crate::SessionId;
use crate::limits::PASSWORD_BYTES;

/// The 16 bytes that the original draws from `java.util.Random` seeded with the id.
pub fn session_password(session: SessionId) -> [u8; PASSWORD_BYTES] {
    let mut random = JavaRandom::new(session.0 ^ SECRET);
    let mut password = [0; PASSWORD_BYTES];
    for word in password.chunks_exact_mut(4) {
        word.copy_from_slice(&random.next_i32().to_le_bytes());
    }
    password
}

/// Mixed into every seed, as in the original.
const SECRET: i64 = 0xB341_5C00;

/// The linear congruential generator that Java's documentation specifies.
struct JavaRandom(u64);

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: i64) -> Self {
        JavaRandom((seed as u64 ^ Self::MULTIPLIER) & Self::MASK)
    }

    fn next_i32(&mut self) -> i32 {
        self.0 = self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        (self.0 >> 16) as i32
    }
}

#[cfg(test)]
mod tests;
