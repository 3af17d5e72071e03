//! Which partition a record goes to: by its key as Java's default partitioner does it, or, without a key, to
//! one partition for as long as a batch lasts.

/// Chooses partitions for the records of one topic.
#[derive(Clone, Debug, Default)]
pub struct Partitioner {
    sticky: Option<i32>,
}

impl Partitioner {
    /// The partition for a record with `key` in a topic of `count` partitions.
    pub fn choose(&mut self, key: Option<&[u8]>, count: i32, random: &mut fastrand::Rng) -> i32 {
        assert!(count > 0, "a topic has partitions");
        if let Some(key) = key {
            return (murmur2(key) & i32::MAX) % count;
        }
        match self.sticky {
            Some(partition) if partition < count => partition,
            _ => *self.sticky.insert(random.i32(0..count)),
        }
    }

    /// Forgets the partition for records without key: their batch is full.
    pub fn turn_over(&mut self) {
        self.sticky = None;
    }
}

/// The hash of Java's client: MurmurHash2 with its own seed.
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    for (index, byte) in tail.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    (hash ^ hash >> 15) as i32
}

#[cfg(test)]
mod tests {
    use super::{Partitioner, murmur2};

    #[test]
    fn the_hash_is_javas() {
        // The values that Kafka's own tests use.
        let check = |text: &str, hash: i32| assert_eq!(murmur2(text.as_bytes()), hash, "{text}");
        check("21", -973_932_308);
        check("foobar", -790_332_482);
        check("a-little-bit-long-string", -985_981_536);
        check("a-little-bit-longer-string", -1_486_304_829);
        check("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
        check("abc", 479_470_107);
    }

    #[test]
    fn keys_stick_to_partitions_and_keyless_records_to_batches() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut partitioner = Partitioner::default();
        let first = partitioner.choose(Some(b"key"), 7, &mut random);
        let sticky = partitioner.choose(None, 7, &mut random);
        for _ in 0..20 {
            assert_eq!(partitioner.choose(Some(b"key"), 7, &mut random), first);
            assert_eq!(partitioner.choose(None, 7, &mut random), sticky);
        }
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            partitioner.turn_over();
            seen.insert(partitioner.choose(None, 7, &mut random));
        }
        assert_eq!(seen.len(), 7);
    }
}
