use super::*;

/// The front of a batch: what it claims to be, and nothing behind the header.
fn batch(magic: u8, claims: i32, attributes: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut put = |at: usize, what: &[u8]| {
        for (index, byte) in what.iter().enumerate().filter(|(index, _)| at + index < length) {
            bytes[at + index] = *byte;
        }
    };
    put(8, &claims.to_be_bytes());
    put(16, &[magic]);
    put(ATTRIBUTES_LOW_BYTE, &[attributes]);
    bytes
}

#[test]
fn the_form_of_a_batch_is_checked_as_kafka_does() {
    let check = |records: &[u8], version, expect| {
        assert_eq!(check_batch(records, version).err().map(|error| error.code), expect, "{records:?}");
    };
    let (invalid, corrupt) = (Some(ErrorCode::INVALID_RECORD), Some(ErrorCode::CORRUPT_MESSAGE));
    check(&batch(2, 49, 0, 61), 3, None);
    check(&batch(2, 58, 0, 70), 3, None);
    check(&[], 3, invalid);
    check(&batch(2, 49, 0, 16), 3, invalid);
    check(&batch(2, 49, 0, 40), 3, invalid);
    check(&batch(2, 50, 0, 61), 3, invalid);
    check(&batch(2, i32::MAX, 0, 61), 3, invalid);
    check(&batch(2, -1, 0, 61), 3, corrupt);
    check(&batch(2, i32::MIN, 0, 61), 3, corrupt);
    check(&batch(2, 13, 0, 61), 3, corrupt);
    check(&batch(2, 48, 0, 60), 3, corrupt);
    check(&batch(0, 49, 0, 61), 3, invalid);
    check(&batch(1, 49, 0, 61), 3, invalid);
    check(&batch(9, 49, 0, 61), 3, corrupt);
    check(&batch(0xff, 49, 0, 61), 3, corrupt);
    check(&[batch(2, 49, 0, 61), batch(2, 49, 0, 61)].concat(), 3, invalid);
    check(&batch(2, 49, 4, 61), 6, Some(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
    check(&batch(2, 49, 4, 61), 7, None);
}
