use super::*;
use crate::{ErrorCode, WireError};

const LIMIT: usize = 1 << 20;

fn header(key: &'static str, value: Option<&'static str>) -> RecordHeader {
    RecordHeader {
        key: Bytes::from_static(key.as_bytes()),
        value: value.map(|v| Bytes::from_static(v.as_bytes())),
    }
}

fn sample(codec: Codec) -> Bytes {
    let mut builder = BatchBuilder::new(0).codec(codec);
    builder.append(1_000, Some(b"k1"), Some(b"v1"), &[header("h", Some("x")), header("h", None)]);
    builder.append(990, None, Some(b"v2"), &[]);
    builder.append(1_010, Some(b"k3"), None, &[]);
    builder.build()
}

/// Changes a batch and gives it the CRC that fits.
fn forged(codec: Codec, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let bytes = sample(codec);
    let mut header = BatchHeader::decode(&bytes).unwrap();
    change(&mut header);
    let mut batch = [&header.encode()[..], &bytes[HEADER_LEN..]].concat();
    let crc = crc32c::crc32c(&batch[CRC_FROM..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(batch)
}

#[test]
fn a_batch_is_the_bytes_that_the_layout_says() {
    let mut builder = BatchBuilder::new(5).leader_epoch(3).producer(ProducerStamp {
        id: 7,
        epoch: 1,
        base_sequence: 9,
        transactional: true,
    });
    builder.append(1, Some(b"a"), Some(b"bc"), &[]);
    let batch = builder.build();
    let expected: Vec<u8> = [
        &5_i64.to_be_bytes()[..], // base offset
        &59_i32.to_be_bytes(),    // length
        &3_i32.to_be_bytes(),     // leader epoch
        &[2],                     // magic
        &crc32c::crc32c(&batch[21..]).to_be_bytes(),
        &[0, 0x10],                                // attributes: transactional
        &0_i32.to_be_bytes(),                      // last offset delta
        &1_i64.to_be_bytes(),                      // base timestamp
        &1_i64.to_be_bytes(),                      // max timestamp
        &7_i64.to_be_bytes(),                      // producer id
        &1_i16.to_be_bytes(),                      // producer epoch
        &9_i32.to_be_bytes(),                      // base sequence
        &1_i32.to_be_bytes(),                      // count
        &[18, 0, 0, 0, 2, b'a', 4, b'b', b'c', 0], // record
    ]
    .concat();
    assert_eq!(batch[..], expected[..]);
    assert_eq!(BatchHeader::decode(&batch).unwrap().encode()[..], batch[..HEADER_LEN]);
}

#[test]
fn a_builder_knows_its_size() {
    let mut builder = BatchBuilder::new(0);
    for (timestamp, length) in
        [(0, 0), (-5, 63), (64, 64), (i64::from(i32::MAX), 8191), (-8192, 8192), (i64::MIN, 1)]
    {
        builder.append(timestamp, Some(&vec![1; length]), None, &[header("name", Some("value"))]);
    }
    let size = builder.size();
    assert_eq!(builder.build().len(), size);
}

#[test]
fn records_come_back_under_every_codec() {
    for codec in Codec::ALL {
        let batch = Batch::produced(sample(codec)).unwrap();
        assert_eq!(batch.header().attributes.codec(), Some(codec));
        assert_eq!((batch.header().base_timestamp, batch.header().max_timestamp), (1_000, 1_010));
        let records: Vec<Record> = batch.records(LIMIT).unwrap().collect::<Result<_, _>>().unwrap();
        let lines: Vec<String> = records
            .iter()
            .map(|r| format!("{} {} {:?} {:?} {}", r.offset, r.timestamp, r.key, r.value, r.headers.len()))
            .collect();
        assert_eq!(
            lines,
            [
                "0 1000 Some(b\"k1\") Some(b\"v1\") 2",
                "1 990 None Some(b\"v2\") 0",
                "2 1010 Some(b\"k3\") None 0"
            ]
        );
        assert_eq!(records[0].headers, [header("h", Some("x")), header("h", None)]);
        assert_eq!(batch.verify_records(Keys::Optional, LIMIT), Ok(()));
        assert_eq!(batch.verify_records(Keys::Required, LIMIT), Err(BatchError::MissingKey { index: 1 }));
    }
}

#[test]
fn produced_batches_are_checked() {
    let check = |bytes: Bytes, error: BatchError, code: ErrorCode| {
        assert_eq!(Batch::produced(bytes), Err(error));
        assert_eq!(error.error_code(), code, "{error}");
    };
    let good = sample(Codec::None);
    check(Bytes::new(), BatchError::Empty, ErrorCode::INVALID_RECORD);
    check(good.slice(..10), BatchError::Truncated, ErrorCode::CORRUPT_MESSAGE);
    check(good.slice(..60), BatchError::Truncated, ErrorCode::CORRUPT_MESSAGE);
    check(good.slice(..good.len() - 1), BatchError::Truncated, ErrorCode::CORRUPT_MESSAGE);
    check(
        Bytes::from([&good[..], &good[..]].concat()),
        BatchError::SeveralBatches,
        ErrorCode::INVALID_RECORD,
    );
    let mut flipped = good.to_vec();
    flipped[70] ^= 1;
    let computed = crc32c::crc32c(&flipped[21..]);
    let stored = BatchHeader::decode(&good).unwrap().crc;
    check(Bytes::from(flipped), BatchError::Crc { stored, computed }, ErrorCode::CORRUPT_MESSAGE);
    for magic in [0_i8, 1, 3, -1] {
        let bytes = forged(Codec::None, |header| header.magic = magic);
        check(bytes, BatchError::Magic { magic }, ErrorCode::INVALID_RECORD);
    }
    for batch_length in [0, 48, -1, i32::MIN] {
        let bytes = forged(Codec::None, |header| header.batch_length = batch_length);
        check(bytes, BatchError::Length { batch_length }, ErrorCode::CORRUPT_MESSAGE);
    }
    for batch_length in [i32::MAX, good.len() as i32] {
        let bytes = forged(Codec::None, |header| header.batch_length = batch_length);
        check(bytes, BatchError::Truncated, ErrorCode::CORRUPT_MESSAGE);
    }
    for (record_count, last_offset_delta) in [(0, -1), (-1, -2), (2, 2), (3, 3), (i32::MIN, i32::MAX)] {
        let bytes = forged(Codec::None, |header| {
            header.record_count = record_count;
            header.last_offset_delta = last_offset_delta;
        });
        check(bytes, BatchError::Count { record_count, last_offset_delta }, ErrorCode::INVALID_RECORD);
    }
    check(
        forged(Codec::None, |header| header.attributes.0 |= 0x20),
        BatchError::Control,
        ErrorCode::INVALID_RECORD,
    );
    check(
        forged(Codec::None, |header| header.producer_id = 4),
        BatchError::Sequence,
        ErrorCode::INVALID_RECORD,
    );
    check(
        forged(Codec::None, |header| header.attributes.0 |= 0x10),
        BatchError::Sequence,
        ErrorCode::INVALID_RECORD,
    );
    check(
        forged(Codec::None, |header| header.attributes.0 |= 0x07),
        BatchError::Codec { attributes: 7 },
        ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
    );
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused() {
    let bytes = forged(Codec::None, |header| {
        header.record_count = i32::MAX;
        header.last_offset_delta = i32::MAX - 1;
    });
    let batch = Batch::produced(bytes).unwrap();
    assert_eq!(batch.records(LIMIT).map(|_| ()), Err(BatchError::Record(WireError::Length)));
}

#[test]
fn a_bomb_is_refused() {
    let mut builder = BatchBuilder::new(0).codec(Codec::Zstd);
    builder.append(0, None, Some(&vec![0; 4 * LIMIT]), &[]);
    let batch = Batch::produced(builder.build()).unwrap();
    assert_eq!(
        batch.records(LIMIT).map(|_| ()),
        Err(BatchError::Compression(crate::compression::CompressionError::TooLarge { limit: LIMIT }))
    );
}

#[test]
fn garbled_records_never_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    for codec in Codec::ALL {
        let good = sample(codec);
        for _ in 0..2_000 {
            let mut bytes = good.to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(HEADER_LEN..bytes.len());
                bytes[at] = random.u8(..);
            }
            let mut bytes = Bytes::from(bytes);
            let batch = Batch::take_first(&mut bytes).unwrap().unwrap();
            if let Ok(records) = batch.records(LIMIT) {
                assert!(records.count() <= 3);
            }
        }
    }
}

#[test]
fn a_fetch_may_end_in_the_middle_of_a_batch() {
    let good = sample(Codec::None);
    let mut bytes = Bytes::from([&good[..], &good[..good.len() - 3]].concat());
    assert!(Batch::take_first(&mut bytes).unwrap().is_some());
    assert_eq!(Batch::take_first(&mut bytes), Err(BatchError::Truncated));
    assert_eq!(Batch::take_first(&mut Bytes::new()), Ok(None));
}

#[test]
fn patches_leave_a_valid_batch() {
    let bytes = sample(Codec::None);
    let mut header: [u8; HEADER_LEN] = *bytes.first_chunk().unwrap();
    patch::set_base_offset(&mut header, 1_234);
    patch::set_partition_leader_epoch(&mut header, 8);
    let patched = Bytes::from([&header[..], &bytes[HEADER_LEN..]].concat());
    let batch = Batch::produced(patched).unwrap();
    assert_eq!((batch.header().base_offset, batch.header().partition_leader_epoch), (1_234, 8));
    assert_eq!((batch.header().last_offset(), batch.header().next_offset()), (1_236, 1_237));

    patch::set_log_append_time(&mut header, &bytes[HEADER_LEN..], 77);
    let patched = Bytes::from([&header[..], &bytes[HEADER_LEN..]].concat());
    let batch = Batch::produced(patched).unwrap();
    assert_eq!(batch.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
    assert!(batch.records(LIMIT).unwrap().all(|record| record.unwrap().timestamp == 77));
}

#[test]
fn compaction_keeps_offsets_and_reach() {
    let mut builder = BatchBuilder::new(100);
    builder.push(&Record {
        offset: 103,
        timestamp: 5,
        key: Some(Bytes::from_static(b"k")),
        ..Record::default()
    });
    builder.reach(109);
    let mut bytes = builder.build();
    let batch = Batch::take_first(&mut bytes).unwrap().unwrap();
    assert_eq!((batch.header().base_offset, batch.header().last_offset()), (100, 109));
    let offsets: Vec<i64> = batch.records(LIMIT).unwrap().map(|record| record.unwrap().offset).collect();
    assert_eq!(offsets, [103]);
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let check = |base_sequence, last_offset_delta, last| {
        let header = BatchHeader { base_sequence, last_offset_delta, ..BatchHeader::default() };
        assert_eq!(header.last_sequence(), last);
    };
    check(0, 0, 0);
    check(5, 4, 9);
    check(i32::MAX, 0, i32::MAX);
    check(i32::MAX, 1, 0);
    check(i32::MAX - 1, 3, 1);
    check(-1, 3, -1);
}

#[test]
fn markers_are_read_as_written() {
    let producer = ProducerStamp { id: 4, epoch: 2, base_sequence: 0, transactional: true };
    for kind in [ControlKind::Abort, ControlKind::Commit] {
        let marker = ControlRecord { kind, coordinator_epoch: 6 };
        let mut bytes = transaction_marker(10, 99, producer, marker);
        let batch = Batch::take_first(&mut bytes).unwrap().unwrap();
        batch.verify_crc().unwrap();
        assert!(batch.header().attributes.is_control() && batch.header().attributes.is_transactional());
        assert_eq!(batch.header().base_sequence, -1);
        let record = batch.records(LIMIT).unwrap().next().unwrap().unwrap();
        assert_eq!(ControlRecord::decode(&record), Ok(marker));
    }
    assert!(ControlRecord::decode(&Record::default()).is_err());
}

mod old_formats {
    use super::*;

    fn message(offset: i64, magic: i8, attributes: i8, timestamp: i64, value: &[u8]) -> Vec<u8> {
        let mut body = vec![magic as u8, attributes as u8];
        if magic == 1 {
            body.extend(timestamp.to_be_bytes());
        }
        body.extend((-1_i32).to_be_bytes());
        body.extend((value.len() as i32).to_be_bytes());
        body.extend(value);
        let mut out = offset.to_be_bytes().to_vec();
        out.extend((body.len() as i32 + 4).to_be_bytes());
        out.extend(crc32fast::hash(&body).to_be_bytes());
        out.extend(body);
        out
    }

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        let records = legacy::records(Bytes::from(bytes), LIMIT).unwrap();
        let line = |r: &Record| {
            format!("{} {} {}", r.offset, r.timestamp, String::from_utf8_lossy(r.value.as_deref().unwrap()))
        };
        records.iter().map(line).collect()
    }

    #[test]
    fn plain_messages() {
        let bytes = [message(3, 0, 0, 0, b"a"), message(4, 1, 0, 50, b"b")].concat();
        assert_eq!(lines(bytes.clone()), ["3 -1 a", "4 50 b"]);
        assert_eq!(lines(bytes[..bytes.len() - 1].to_vec()), ["3 -1 a"]);
    }

    #[test]
    fn wrappers_of_magic_1_hold_relative_offsets() {
        let inner = [message(0, 1, 0, 5, b"a"), message(2, 1, 0, 6, b"b")].concat();
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4] {
            let packed = crate::compression::compress(codec, &inner);
            let wrapper = message(12, 1, codec.id() as i8, 9, &packed);
            assert_eq!(lines(wrapper), ["10 5 a", "12 6 b"]);
            let wrapper = message(12, 1, codec.id() as i8 | 8, 9, &packed);
            assert_eq!(lines(wrapper), ["10 9 a", "12 9 b"]);
        }
    }

    #[test]
    fn wrappers_of_magic_0_hold_absolute_offsets() {
        let inner = [message(7, 0, 0, 0, b"a"), message(8, 0, 0, 0, b"b")].concat();
        let mut packed = crate::compression::compress(Codec::Lz4, &inner);
        packed[6] ^= 0x55;
        assert_eq!(lines(message(8, 0, 3, 0, &packed)), ["7 -1 a", "8 -1 b"]);
    }

    #[test]
    fn damage_is_refused() {
        let check = |bytes: Vec<u8>| assert!(legacy::records(Bytes::from(bytes), LIMIT).is_err());
        let mut flipped = message(3, 1, 0, 0, b"abc");
        *flipped.last_mut().unwrap() ^= 1;
        check(flipped);
        check(message(3, 1, 4, 0, b"zstd is younger"));
        check(message(3, 2, 0, 0, b"another format"));
        let inner = crate::compression::compress(Codec::Gzip, &message(0, 1, 1, 0, b"x"));
        check(message(3, 1, 1, 0, &inner));
        check([0; 12].to_vec());
    }
}
