use super::*;

fn sample() -> Notification {
    Notification {
        state: ServerState::Leading,
        vote: Vote { epoch: 5, zxid: Zxid::new(4, 9), leader: ServerId(3) },
        round: 7,
        format: FORMAT,
        configuration: Bytes::from_static(b"version=0"),
    }
}

#[test]
fn a_notification_is_laid_out_as_the_original_has_it() {
    let expect = [
        &[0, 0, 0, 2][..],
        &[0, 0, 0, 0, 0, 0, 0, 3],
        &[0, 0, 0, 4, 0, 0, 0, 9],
        &[0, 0, 0, 0, 0, 0, 0, 7],
        &[0, 0, 0, 0, 0, 0, 0, 5],
        &[0, 0, 0, 2],
        &[0, 0, 0, 9],
        b"version=0",
    ]
    .concat();
    assert_eq!(sample().encode(), expect);
    assert_eq!(Notification::decode(expect.into()), Ok(sample()));
}

#[test]
fn older_and_newer_forms_are_read() {
    let bytes = sample().encode();
    let oldest = Notification { format: 0, configuration: Bytes::new(), ..sample() };
    let with_epoch_of_zxid = Notification { vote: Vote { epoch: 4, ..oldest.vote }, ..oldest.clone() };
    assert_eq!(Notification::decode(bytes.slice(..28)), Ok(with_epoch_of_zxid));
    assert_eq!(Notification::decode(bytes.slice(..40)), Ok(oldest));
    let longer = [&bytes[..], b"more"].concat();
    assert_eq!(Notification::decode(longer.into()), Ok(sample()));
}

#[test]
fn everything_else_is_refused_and_nothing_panics() {
    let bytes = sample().encode();
    for length in (0..bytes.len()).filter(|length| ![28, 40].contains(length)) {
        assert!(Notification::decode(bytes.slice(..length)).is_err(), "{length}");
    }
    let mut chance = fastrand::Rng::with_seed(1);
    for _ in 0..2000 {
        let mut changed = bytes.to_vec();
        let at = chance.usize(..changed.len());
        changed[at] = chance.u8(..);
        let _ = Notification::decode(changed.into());
    }
    assert!(Notification::decode(Bytes::from_static(&[0, 0, 0, 9, 0])).is_err());
}
