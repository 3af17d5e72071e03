use crate::limits::MESSAGE_ELEMENTS_MAX;
use crate::{Reader, WireError, Writer};
use bytes::Bytes;

fn reader(bytes: &'static [u8]) -> Reader {
    Reader::new(Bytes::from_static(bytes))
}

#[test]
fn variable_length_numbers_are_as_strict_as_javas() {
    let check = |bytes: &'static [u8], expect: Result<u32, WireError>| {
        assert_eq!(reader(bytes).varint_unsigned(), expect, "{bytes:02x?}");
    };
    check(&[0x00], Ok(0));
    check(&[0x7f], Ok(127));
    check(&[0x80, 0x01], Ok(128));
    check(&[0xff, 0xff, 0xff, 0xff, 0x0f], Ok(u32::MAX));
    check(&[0xff, 0xff, 0xff, 0xff, 0x1f], Err(WireError::Varint));
    check(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00], Err(WireError::Varint));
    check(&[0x80], Err(WireError::Truncated));
    check(&[], Err(WireError::Truncated));
}

#[test]
fn zigzag_numbers_round_trip() {
    for value in [0, -1, 1, 63, -64, 64, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN] {
        let mut writer = Writer::new();
        writer.varlong(value);
        writer.varint(value as i32);
        let mut reader = Reader::new(writer.into_bytes());
        assert_eq!(reader.varlong(), Ok(value));
        assert_eq!(reader.varint(), Ok(value as i32));
        assert_eq!(reader.remaining(), 0);
    }
    let mut too_long = reader(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]);
    assert_eq!(too_long.varlong(), Err(WireError::Varint));
}

#[test]
fn lengths_that_the_bytes_cannot_hold_are_refused() {
    let strings = |bytes, flexible| reader(bytes).nullable_string(flexible);
    assert_eq!(strings(&[0xff, 0xff], false), Ok(None));
    assert_eq!(strings(&[0xff, 0xfe], false), Err(WireError::Length));
    assert_eq!(strings(&[0x7f, 0xff, b'a'], false), Err(WireError::Truncated));
    assert_eq!(strings(&[0x00], true), Ok(None));
    assert_eq!(strings(&[0x03, b'a'], true), Err(WireError::Truncated));
    assert_eq!(strings(&[0x02, 0xff], true), Err(WireError::Utf8));
    let arrays = |bytes, flexible| reader(bytes).nullable_array(flexible, 4, Reader::i32);
    assert_eq!(arrays(&[0xff, 0xff, 0xff, 0xff], false), Ok(None));
    assert_eq!(arrays(&[0x7f, 0xff, 0xff, 0xff], false), Err(WireError::Length));
    assert_eq!(arrays(&[0x80, 0x00, 0x00, 0x00], false), Err(WireError::Length));
    assert_eq!(arrays(&[0x00, 0x00, 0x00, 0x02, 0, 0, 0, 1], false), Err(WireError::Length));
    assert_eq!(arrays(&[0xff, 0xff, 0xff, 0xff, 0x0f], true), Err(WireError::Length));
    assert_eq!(arrays(&[0x02, 0, 0, 0, 7], true), Ok(Some(vec![7])));
    assert_eq!(reader(&[0x00]).array(true, 4, Reader::i32), Err(WireError::UnexpectedNull));
}

#[test]
fn arrays_of_one_message_share_an_allowance() {
    let mut bytes = vec![0; MESSAGE_ELEMENTS_MAX + 8];
    bytes[..4].copy_from_slice(&(MESSAGE_ELEMENTS_MAX as i32 + 1).to_be_bytes());
    let mut reader = Reader::new(Bytes::from(bytes));
    assert_eq!(reader.array(false, 1, Reader::u8), Err(WireError::TooMany));
}

#[test]
fn tagged_sections_skip_what_they_do_not_know() {
    let read = |bytes: &'static [u8]| {
        let mut reader = reader(bytes);
        let mut seen = Vec::new();
        let result = reader.tags(|tag, reader| {
            if tag == 1 {
                seen.push(reader.u8()?);
            }
            Ok(tag == 1)
        });
        (result, seen, reader.remaining())
    };
    assert_eq!(read(&[0]), (Ok(()), vec![], 0));
    assert_eq!(read(&[2, 1, 1, 42, 9, 3, 0, 0, 0]), (Ok(()), vec![42], 0));
    assert_eq!(read(&[1, 1, 2, 42, 43]).0, Err(WireError::TaggedField { tag: 1 }));
    assert_eq!(read(&[1, 1, 0, 42]).0, Err(WireError::Truncated));
    assert_eq!(read(&[1, 9, 5, 0]).0, Err(WireError::Truncated));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]).0, Err(WireError::TooMany));
}
