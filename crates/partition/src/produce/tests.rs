use kafka_wire::compression::{Codec, Packing};

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
    // Bits without a meaning go when attributes are written anew, and stay in a batch that is left alone.
    let attributes = |config: &TopicConfig| {
        let valid = validate(altered(21, 1), config, NOW).unwrap();
        Batch::produced(valid.bytes().clone()).unwrap().header().attributes.0
    };
    assert_eq!((attributes(&config), attributes(&TopicConfig::default())), (0x08, 0x100));
}

#[test]
fn the_greatest_of_times_before_1970_is_none() {
    let config = TopicConfig { timestamp_before_ms_max: i64::MAX, ..TopicConfig::default() };
    let valid = validate(built(Codec::Lz4, false, &[-4, -7]), &config, NOW).unwrap();
    let batch = Batch::produced(valid.bytes().clone()).unwrap();
    assert_eq!((batch.header().max_timestamp, valid.append_time()), (-1, None));
    assert_eq!(batch.records(1000).unwrap().next().unwrap().unwrap().timestamp, -4);
}

#[test]
fn what_is_packed_anew_has_times_since_1970_or_none() {
    let config = TopicConfig {
        compression: CompressionType::parse("lz4").unwrap(),
        timestamp_before_ms_max: i64::MAX,
        ..TopicConfig::default()
    };
    validate(built(Codec::None, false, &[-1, 3]), &config, NOW).unwrap();
    let refusal = validate(built(Codec::None, false, &[-1, -4]), &config, NOW).unwrap_err();
    assert_eq!((refusal.code, refusal.records[0].0), (ErrorCode::INVALID_TIMESTAMP, 1));
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

#[test]
fn a_producer_may_not_stamp_what_only_a_broker_may() {
    let of_brokers = TopicConfig { timestamp_type: TimestampType::LogAppendTime, ..TopicConfig::default() };
    let check = |bytes: Bytes, config: &TopicConfig, expect: Option<(ErrorCode, Vec<i32>)>| {
        let refusal = validate(bytes, config, NOW).err();
        let found = refusal.map(|refusal| {
            (refusal.code, refusal.records.into_iter().map(|(index, _)| index).collect::<Vec<_>>())
        });
        assert_eq!(found, expect);
    };
    let refused = Some((ErrorCode::INVALID_TIMESTAMP, vec![0, 1]));
    check(altered(22, 0x08), &of_brokers, refused.clone());
    check(altered(22, 0x08), &TopicConfig::default(), None);
    let mut untimed = built(Codec::None, false, &[-1, -1]).to_vec();
    untimed[22] = 0x08;
    let sum = crc32c::crc32c(&untimed[21..]);
    untimed[17..21].copy_from_slice(&sum.to_be_bytes());
    check(untimed.into(), &TopicConfig::default(), refused);
}

#[test]
fn a_batch_with_half_a_producer_is_not_packed_anew() {
    let stamp = ProducerStamp { id: 7, epoch: -1, base_sequence: 0, transactional: false };
    let mut builder = BatchBuilder::new(0).producer(stamp);
    builder.append(NOW.as_ms(), None, Some(b"v"), &[]);
    let bytes = builder.build();
    assert!(validate(bytes.clone(), &TopicConfig::default(), NOW).is_ok());
    let gzip =
        TopicConfig { compression: CompressionType::Fixed(Codec::Gzip.into()), ..TopicConfig::default() };
    assert_eq!(validate(bytes, &gzip, NOW).unwrap_err().code, ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[test]
fn a_higher_level_packs_smaller() {
    let mut builder = BatchBuilder::new(0);
    let mut random = fastrand::Rng::with_seed(3);
    let words: Vec<String> = (0..300).map(|_| format!("word{}", random.u32(0..5000))).collect();
    for _ in 0..200 {
        let text: Vec<&str> = (0..10).map(|_| words[random.usize(0..words.len())].as_str()).collect();
        builder.append(NOW.as_ms(), None, Some(text.join(" ").as_bytes()), &[]);
    }
    let sent = builder.build();
    for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Lz4, 1, 12), (Codec::Zstd, -50, 19)] {
        let size = |level| {
            let compression = CompressionType::Fixed(Packing { codec, level: Some(level) });
            let config = TopicConfig { compression, ..TopicConfig::default() };
            let valid = validate(sent.clone(), &config, NOW).unwrap();
            let stored = Batch::produced(valid.bytes().clone()).unwrap();
            assert_eq!(stored.records(1 << 20).unwrap().count(), 200);
            valid.bytes().len()
        };
        assert!(size(high) < size(low), "{codec}: {} at {high}, {} at {low}", size(high), size(low));
    }
}
