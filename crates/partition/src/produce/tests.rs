use kafka_wire::compression::Codec;

use super::*;
use crate::topic_config::{CleanupPolicy, CompressionType};

const NOW: WallTime = WallTime::at_ms(1_700_000_000_000);

fn built(codec: Codec, keys: bool, timestamps: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(0).codec(codec);
    for timestamp in timestamps {
        builder.append(*timestamp, keys.then_some(b"key".as_slice()), Some(&[b'v'; 100]), &[]);
    }
    builder.build()
}

fn plain() -> Bytes {
    built(Codec::None, false, &[NOW.as_ms(), NOW.as_ms()])
}

fn damaged(at: usize, to: u8) -> Bytes {
    let mut bytes = plain().to_vec();
    bytes[at] = to;
    bytes.into()
}

/// Damages a field that the checksum covers, and mends the checksum.
fn altered(at: usize, to: u8) -> Bytes {
    let mut bytes = damaged(at, to).to_vec();
    let sum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
    bytes.into()
}

#[test]
fn a_sound_batch_passes_untouched() {
    for codec in Codec::ALL {
        let bytes = built(codec, true, &[NOW.as_ms(); 3]);
        let valid = validate(bytes.clone(), &TopicConfig::default(), NOW).unwrap();
        assert_eq!((valid.bytes(), valid.append_time(), valid.stamp()), (&bytes, None, None));
    }
}

#[test]
fn what_is_wrong_is_told() {
    let check = |bytes: Bytes, config: &TopicConfig, expect: ErrorCode| {
        let refusal = validate(bytes, config, NOW).unwrap_err();
        assert_eq!(refusal.code, expect, "{}", refusal.message);
        refusal.records.into_iter().map(|(index, _)| index).collect::<Vec<_>>()
    };
    let config = TopicConfig::default();
    check(Bytes::new(), &config, ErrorCode::INVALID_RECORD);
    check(plain().slice(..80), &config, ErrorCode::CORRUPT_MESSAGE);
    check([plain(), plain()].concat().into(), &config, ErrorCode::INVALID_RECORD);
    check(damaged(16, 1), &config, ErrorCode::INVALID_RECORD);
    check(damaged(100, b'x'), &config, ErrorCode::CORRUPT_MESSAGE);
    check(damaged(7, 42), &config, ErrorCode::INVALID_RECORD);
    check(altered(60, 3), &config, ErrorCode::INVALID_RECORD);
    check(altered(26, 7), &config, ErrorCode::INVALID_RECORD);
    check(altered(22, 0x20), &config, ErrorCode::INVALID_RECORD);
    check(altered(22, 7), &config, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);

    let small = TopicConfig { message_bytes_max: 100, ..TopicConfig::default() };
    check(plain(), &small, ErrorCode::MESSAGE_TOO_LARGE);
    let small = TopicConfig { segment_bytes: 100, ..TopicConfig::default() };
    check(plain(), &small, ErrorCode::RECORD_LIST_TOO_LARGE);
    let compacted = TopicConfig { cleanup: CleanupPolicy::Compact, ..TopicConfig::default() };
    assert_eq!(check(plain(), &compacted, ErrorCode::INVALID_RECORD), [0, 1]);
    for codec in Codec::ALL {
        validate(built(codec, true, &[NOW.as_ms()]), &compacted, NOW).unwrap();
    }
}

#[test]
fn timestamps_have_bounds() {
    let check = |timestamps: &[i64], before: i64, after: i64, expect: Option<&[i32]>| {
        let config = TopicConfig {
            timestamp_before_ms_max: before,
            timestamp_after_ms_max: after,
            ..TopicConfig::default()
        };
        let timestamps: Vec<i64> = timestamps.iter().map(|ms| NOW.as_ms() + ms).collect();
        let refusal = validate(built(Codec::Lz4, false, &timestamps), &config, NOW).err();
        if let Some(refusal) = &refusal {
            assert_eq!(refusal.code, ErrorCode::INVALID_TIMESTAMP);
        }
        let faults = refusal.map(|refusal| refusal.records.iter().map(|fault| fault.0).collect::<Vec<_>>());
        assert_eq!(faults.as_deref(), expect, "{timestamps:?}");
    };
    const HOUR: i64 = 3_600_000;
    check(&[0, HOUR], i64::MAX, HOUR, None);
    check(&[0, HOUR + 1], i64::MAX, HOUR, Some(&[1]));
    check(&[0, -HOUR, 0], HOUR, HOUR, None);
    check(&[0, -HOUR - 1, 0], HOUR, HOUR, Some(&[1]));
    check(&[-HOUR - 1, 0, HOUR + 1], HOUR, HOUR, Some(&[0, 2]));
    let none = built(Codec::None, false, &[-1]);
    validate(none, &TopicConfig { timestamp_before_ms_max: 1, ..TopicConfig::default() }, NOW).unwrap();
}

#[test]
fn log_append_time_is_stamped() {
    let config = TopicConfig { timestamp_type: TimestampType::LogAppendTime, ..TopicConfig::default() };
    let valid = validate(built(Codec::Zstd, false, &[5, 6]), &config, NOW).unwrap();
    assert_eq!(valid.append_time(), Some(NOW.as_ms()));
    let batch = Batch::produced(valid.bytes().clone()).unwrap();
    assert_eq!(batch.header().max_timestamp, NOW.as_ms());
    assert_eq!(batch.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
    let records: Vec<_> = batch.records(1000).unwrap().map(Result::unwrap).collect();
    assert!(records.iter().all(|record| record.timestamp == NOW.as_ms()));
}

#[test]
fn a_topic_may_want_its_own_codec() {
    let stamp = ProducerStamp { id: 9, epoch: 2, base_sequence: 40, transactional: true };
    for from in Codec::ALL {
        for to in Codec::ALL {
            let mut builder = BatchBuilder::new(0).codec(from).producer(stamp);
            for number in 0..4 {
                builder.append(NOW.as_ms() - number, Some(b"k"), None, &[]);
            }
            let sent = builder.build();
            let compression =
                CompressionType::parse(if to == Codec::None { "uncompressed" } else { to.name() });
            let config = TopicConfig { compression: compression.unwrap(), ..TopicConfig::default() };
            let valid = validate(sent.clone(), &config, NOW).unwrap();
            assert_eq!(valid.bytes() == &sent, from == to, "{from:?} to {to:?}");
            let stored = Batch::produced(valid.bytes().clone()).unwrap();
            assert_eq!(stored.header().attributes.codec(), Some(to));
            assert_eq!(valid.stamp().unwrap().base_sequence, 40);
            let records = |bytes: Bytes| -> Vec<_> {
                Batch::produced(bytes).unwrap().records(9999).unwrap().map(Result::unwrap).collect()
            };
            assert_eq!(records(sent), records(valid.bytes().clone()));
        }
    }
}
