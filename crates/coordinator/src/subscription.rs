//! The topics in a consumer's subscription: the one part of the members' private language that the
//! coordinator looks at, to know which offsets are in use.
//!
//! Layout (ConsumerProtocolSubscription, any version): version i16, topic count i32, then each topic as
//! length i16 and UTF-8. What follows is not read.

/// The topics, or `None` if the bytes are no subscription.
pub(crate) fn topics(metadata: &[u8]) -> Option<Vec<String>> {
    let (version, rest) = metadata.split_first_chunk::<2>()?;
    if i16::from_be_bytes(*version) < 0 {
        return None;
    }
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    // Each topic has a length of two bytes, so a larger count is a lie.
    if count > rest.len() / 2 {
        return None;
    }
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, after) = after.split_at_checked(length)?;
        topics.push(String::from_utf8(name.to_vec()).ok()?);
        rest = after;
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::topics;

    #[test]
    fn reads_topics_and_refuses_the_rest() {
        let check = |bytes: &[u8], expect: Option<&[&str]>| {
            let expect = expect.map(|names| names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
            assert_eq!(topics(bytes), expect, "{bytes:?}");
        };
        check(b"\x00\x00\x00\x00\x00\x01\x00\x01t", Some(&["t"]));
        check(b"\x00\x03\x00\x00\x00\x02\x00\x01t\x00\x02uvrest", Some(&["t", "uv"]));
        check(b"\x00\x00\x00\x00\x00\x00", Some(&[]));
        check(b"", None);
        check(b"\xff\xff\x00\x00\x00\x00", None);
        check(b"\x00\x00\xff\xff\xff\xff", None);
        check(b"\x00\x00\x7f\xff\xff\xff\x00\x01t", None);
        check(b"\x00\x00\x00\x00\x00\x01\x00\x05t", None);
        check(b"\x00\x00\x00\x00\x00\x01\x00\x01\xff", None);
    }
}
