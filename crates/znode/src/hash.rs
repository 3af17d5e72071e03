//! A quick keyed hash for paths. Keyed, because clients choose the paths; not from the standard
//! library, because a core draws no random seed of its own.

use std::hash::{BuildHasher, Hasher};

/// The key. Two trees with the same key place paths alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct HashKey(pub u64);

impl HashKey {
    /// The hash of `bytes`.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        mix_bytes(self.0 ^ A, bytes)
    }
}

/// Maps and sets of paths take this for their hasher.
impl BuildHasher for HashKey {
    type Hasher = PathHasher;
    #[inline]
    fn build_hasher(&self) -> PathHasher {
        PathHasher(self.0 ^ A)
    }
}

/// The hash of one value under way.
#[derive(Debug)]
pub struct PathHasher(u64);

impl Hasher for PathHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix_bytes(self.0, bytes);
    }
    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }
    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }
    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = fold(self.0 ^ value, B);
    }
    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.write_u64(value as u64);
    }
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.0 ^ A, C)
    }
}

#[inline]
fn mix_bytes(mut state: u64, bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        let (low, high) = chunk.split_at(8);
        state = fold(word(low) ^ state, word(high) ^ B);
    }
    let rest = chunks.remainder();
    let (low, high) = rest.split_at(rest.len().min(8));
    state = fold(word(low) ^ state, word(high) ^ B);
    fold(state ^ bytes.len() as u64, C)
}

/// Up to eight bytes as a number.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(whole) => u64::from_le_bytes(*whole),
        None => bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)),
    }
}

/// The two halves of the product folded onto each other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

const A: u64 = 0x9E37_79B9_7F4A_7C15;
const B: u64 = 0xD1B5_4A32_D192_ED03;
const C: u64 = 0x8CB9_2BA7_2F3D_8DD7;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn similar_paths_have_different_hashes_in_either_half() {
        let paths = (0..20_000).map(|n| format!("/bench/node-{n:010}"));
        let (mut low, mut high) = (HashSet::new(), HashSet::new());
        for path in paths {
            let hash = HashKey(7).hash(path.as_bytes());
            low.insert(hash as u32);
            high.insert((hash >> 32) as u32);
        }
        assert!(low.len() > 19_990 && high.len() > 19_990, "{} {}", low.len(), high.len());
    }

    #[test]
    fn the_key_matters() {
        assert_ne!(HashKey(1).hash(b"/a"), HashKey(2).hash(b"/a"));
        assert_ne!(HashKey(1).hash(b"/a"), HashKey(1).hash(b"/a\0"));
    }
}
