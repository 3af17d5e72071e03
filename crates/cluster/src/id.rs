//! The numbers of a Kafka cluster that have a name of their own.
//!
//! All are plain values with public insides: any `i32` can arrive on a wire or in a znode, so none of
//! them carries an invariant. [`TopicId`] is written as Kafka writes its UUIDs: 22 characters of
//! unpadded base64url.

use std::fmt;
use std::str::FromStr;

/// `broker.id`: chosen by the operator, unique in the cluster. -1 means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BrokerId(pub i32);

/// The czxid of `/brokers/ids/N`: grows with each registration, so it names one life of a broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BrokerEpoch(pub i64);

/// The number in `/controller_epoch`: one more for each election won.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ControllerEpoch(pub i32);

/// Counts the leaders of one partition; grows with each change of leader or of ISR by a controller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct LeaderEpoch(pub i32);

/// The znode version of a partition's state: grows with each write of it, ISR changes included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct PartitionEpoch(pub i32);

/// A topic's UUID: a topic that is deleted and made again gets another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId(pub [u8; 16]);

impl BrokerId {
    /// Stands for "nobody": the leader of a partition whose replicas are all down.
    pub const NONE: BrokerId = BrokerId(-1);

    /// Whether this names a broker at all.
    pub const fn is_some(self) -> bool {
        self.0 >= 0
    }
}

impl LeaderEpoch {
    /// The epoch of the next leader.
    #[must_use]
    pub const fn next(self) -> Self {
        LeaderEpoch(self.0 + 1)
    }
}

impl ControllerEpoch {
    /// The epoch that the next controller to be elected takes.
    #[must_use]
    pub const fn next(self) -> Self {
        ControllerEpoch(self.0 + 1)
    }
}

impl TopicId {
    /// "No id": topics made before 2.8, and requests that name topics by name.
    pub const ZERO: TopicId = TopicId([0; 16]);

    /// A random (version 4) UUID from 16 random bytes, or `None` for the few that Kafka avoids: the
    /// reserved ids 0 and 1, and those whose text would begin with a dash and so trip up command lines.
    pub fn from_random(mut bytes: [u8; 16]) -> Option<TopicId> {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let id = TopicId(bytes);
        (!id.to_string().starts_with('-')).then_some(id)
    }

    /// A fresh id from `random`.
    pub fn random(mut random: impl FnMut() -> u64) -> TopicId {
        loop {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&random().to_be_bytes());
            bytes[8..].copy_from_slice(&random().to_be_bytes());
            if let Some(id) = TopicId::from_random(bytes) {
                return id;
            }
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.0);
        // 21 groups of six bits, then the last two bits with four zero bits after them.
        let mut text = [0; 22];
        for (index, letter) in text[..21].iter_mut().enumerate() {
            *letter = ALPHABET[(number >> (122 - 6 * index)) as usize & 63];
        }
        text[21] = ALPHABET[(number << 4) as usize & 63];
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

impl FromStr for TopicId {
    type Err = InvalidTopicId;

    fn from_str(text: &str) -> Result<Self, InvalidTopicId> {
        let text = text.trim_end_matches('=').as_bytes();
        if text.len() != 22 {
            return Err(InvalidTopicId);
        }
        let mut number: u128 = 0;
        for (index, letter) in text.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == letter).ok_or(InvalidTopicId)? as u128;
            number = if index < 21 { number << 6 | value } else { number << 2 | value >> 4 };
        }
        Ok(TopicId(number.to_be_bytes()))
    }
}

/// The text is not 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidTopicId;

impl fmt::Display for InvalidTopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a topic id: 22 characters of base64url are expected")
    }
}

impl std::error::Error for InvalidTopicId {}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ControllerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_read_and_write_as_kafka_does() {
        // Captured from /brokers/topics of an Apache Kafka 3.x cluster.
        for text in ["gib5GbiRTyuLqmqld5r9dg", "RSZ--odYRlSOPGRgukKnAQ", "McZM_uPoQZmvSqcFaYC_vg"] {
            assert_eq!(text.parse::<TopicId>().unwrap().to_string(), text);
        }
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAB".parse(), Ok(TopicId([0; 16])), "spare bits are not looked at");
        assert_eq!("short".parse::<TopicId>(), Err(InvalidTopicId));
        assert_eq!("gib5GbiRTyuLqmqld5r9d!".parse::<TopicId>(), Err(InvalidTopicId));
    }

    #[test]
    fn fresh_ids_never_start_with_a_dash() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let id = TopicId::random(|| rng.u64(..));
            assert!(!id.to_string().starts_with('-'));
            assert_eq!(id.0[6] >> 4, 4, "version 4");
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
