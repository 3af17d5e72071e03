use super::*;

fn reader(bytes: &[u8]) -> Reader {
    Reader::new(Bytes::copy_from_slice(bytes))
}

#[test]
fn lengths_are_checked_before_anything_is_allocated() {
    let check = |bytes: &[u8], expect| assert_eq!(reader(bytes).buffer(), Err(expect), "{bytes:?}");
    check(&[0, 0], WireError::Truncated);
    check(&[0, 0, 0, 2, 1], WireError::Truncated);
    check(&[0x7f, 0xff, 0xff, 0xff], WireError::Truncated);
    check(&[0xff, 0xff, 0xff, 0xfe], WireError::BadLength(-2));
    check(&[0x80, 0, 0, 0], WireError::BadLength(i32::MIN));
}

#[test]
fn counts_are_checked_against_the_bytes_left() {
    let check =
        |bytes: &[u8], expect: Result<Vec<i64>, WireError>| assert_eq!(reader(bytes).record(), expect);
    check(&[0x7f, 0xff, 0xff, 0xff, 0, 0], Err(WireError::BadLength(i32::MAX)));
    check(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1], Err(WireError::BadLength(2)));
    check(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], Ok(vec![1]));
    check(&[0xff, 0xff, 0xff, 0xff], Ok(vec![]));
}

#[test]
fn null_and_empty_buffers_differ() {
    assert_eq!(reader(&[0xff, 0xff, 0xff, 0xff]).buffer(), Ok(None));
    assert_eq!(reader(&[0, 0, 0, 0]).buffer(), Ok(Some(Bytes::new())));
    assert_eq!(reader(&[0xff, 0xff, 0xff, 0xff]).record::<String>(), Err(WireError::Null));
}

#[test]
fn text_that_is_not_utf8_is_replaced() {
    assert_eq!(reader(&[0, 0, 0, 2, b'a', 0xff]).text(), Ok(Some("a\u{fffd}".to_owned())));
}

#[test]
fn one_writer_serves_many_frames() {
    let mut writer = Writer::with_capacity(64);
    writer.i32(1);
    let first = writer.split();
    writer.text("ab");
    let second = writer.split();
    assert_eq!(&first[..], [0, 0, 0, 1]);
    assert_eq!(&second[..], [0, 0, 0, 2, b'a', b'b']);
}
