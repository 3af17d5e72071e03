use super::payload::*;
use super::*;
use crate::ServerId;
use crate::limits::GREETING_ADDRESS_BYTES_MAX;
use zookeeper_wire::{OpCode, SessionId, Xid};

fn request() -> QuorumPacket {
    let identity = |scheme: &'static str, id: &'static str| Identity { scheme: scheme.into(), id: id.into() };
    QuorumPacket {
        kind: PacketKind::REQUEST,
        zxid: Zxid(-1),
        data: Some(Bytes::from_static(b"data")),
        identities: vec![identity("ip", "127.0.0.1"), identity("digest", "a:b")],
    }
}

#[test]
fn packets_are_laid_out_as_the_original_has_them() {
    let check = |packet: QuorumPacket, expect: &[&[u8]]| {
        let expect = expect.concat();
        assert_eq!(packet.encode(), expect, "{packet:?}");
        assert_eq!(QuorumPacket::measure(&expect), Ok(Measure::Whole(expect.len())));
        assert_eq!(QuorumPacket::decode(expect.into()), Ok(packet));
    };
    let null = [0xff; 4];
    check(
        QuorumPacket::bare(PacketKind::ACK, Zxid::new(3, 7)),
        &[&[0, 0, 0, 3], &[0, 0, 0, 3, 0, 0, 0, 7], &null, &null],
    );
    check(
        QuorumPacket::with(PacketKind::PROPOSAL, Zxid::new(1, 2), Bytes::from_static(b"abc")),
        &[&[0, 0, 0, 2], &[0, 0, 0, 1, 0, 0, 0, 2], &[0, 0, 0, 3], b"abc", &null],
    );
    check(
        QuorumPacket::with(PacketKind::PING, Zxid(0), Bytes::new()),
        &[&[0, 0, 0, 5], &[0; 8], &[0; 4], &null],
    );
    check(
        request(),
        &[
            &[0, 0, 0, 1],
            &[0xff; 8],
            &[0, 0, 0, 4],
            b"data",
            &[0, 0, 0, 2],
            &[0, 0, 0, 2],
            b"ip",
            &[0, 0, 0, 9],
            b"127.0.0.1",
            &[0, 0, 0, 6],
            b"digest",
            &[0, 0, 0, 3],
            b"a:b",
        ],
    );
}

#[test]
fn an_empty_list_of_identities_is_read_as_none() {
    let bytes = [&[0, 0, 0, 12][..], &[0xff; 8], &[0xff; 4], &[0; 4]].concat();
    let packet = QuorumPacket::decode(bytes.into()).unwrap();
    assert_eq!(packet, QuorumPacket::bare(PacketKind::UPTODATE, Zxid(-1)));
}

#[test]
fn a_packet_is_found_in_a_stream_however_it_is_cut() {
    let whole = request().encode();
    for length in 0..whole.len() {
        match QuorumPacket::measure(&whole[..length]) {
            Ok(Measure::AtLeast(least)) => {
                assert!(length < least && least <= whole.len(), "{length} {least}")
            }
            other => panic!("{length}: {other:?}"),
        }
        assert!(QuorumPacket::decode(whole.slice(..length)).is_err());
    }
    let more = [&whole[..], b"next"].concat();
    assert_eq!(QuorumPacket::measure(&more), Ok(Measure::Whole(whole.len())));
    assert!(QuorumPacket::decode(more.into()).is_err());
}

#[test]
fn a_length_alone_says_how_much_to_wait_for_and_is_bounded() {
    let check = |data: i32, expect: Result<Measure, WireError>| {
        let head = [&[0, 0, 0, 2][..], &[0; 8], &data.to_be_bytes()].concat();
        assert_eq!(QuorumPacket::measure(&head), expect, "{data}");
    };
    check(0, Ok(Measure::AtLeast(20)));
    check(1000, Ok(Measure::AtLeast(1016)));
    check(PACKET_BUFFER_BYTES_MAX as i32, Ok(Measure::AtLeast(PACKET_BUFFER_BYTES_MAX + 16)));
    check(PACKET_BUFFER_BYTES_MAX as i32 + 1, Err(WireError::BadLength(PACKET_BUFFER_BYTES_MAX as i32 + 1)));
    check(-2, Err(WireError::BadLength(-2)));
    check(i32::MIN, Err(WireError::BadLength(i32::MIN)));
    let many = PACKET_IDENTITIES_MAX as i32 + 1;
    let head = [&[0, 0, 0, 2][..], &[0; 8], &[0; 4], &many.to_be_bytes()].concat();
    assert_eq!(QuorumPacket::measure(&head), Err(WireError::BadLength(many)));
}

#[test]
fn whatever_comes_nothing_panics_and_both_readers_agree() {
    let mut chance = fastrand::Rng::with_seed(4);
    let whole = request().encode();
    for _ in 0..20_000 {
        let mut bytes = whole.to_vec();
        for _ in 0..chance.usize(1..6) {
            let at = chance.usize(..bytes.len());
            bytes[at] = chance.u8(..);
        }
        bytes.truncate(chance.usize(..=bytes.len()));
        if let Ok(Measure::Whole(length)) = QuorumPacket::measure(&bytes) {
            assert!(length <= bytes.len());
            assert!(QuorumPacket::decode(Bytes::from(bytes).slice(..length)).is_ok());
        } else {
            assert!(QuorumPacket::decode(bytes.into()).is_err());
        }
    }
}

#[test]
fn a_learner_says_who_it_is_in_three_forms() {
    let info = LearnerInfo { server: ServerId(2), protocol: PROTOCOL, configuration: 0x1_0000_0000 };
    let bytes = info.encode();
    assert_eq!(bytes[..], [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let check = |data: Option<Bytes>, expect: LearnerInfo| {
        assert_eq!(LearnerInfo::decode(data.clone()), Ok(expect), "{data:?}");
    };
    check(Some(bytes.clone()), info);
    check(Some([&bytes[..], b"trailer"].concat().into()), info);
    check(Some(bytes.slice(..12)), LearnerInfo { configuration: 0, ..info });
    check(Some(bytes.slice(..8)), LearnerInfo { configuration: 0, protocol: 0, ..info });
    check(None, LearnerInfo { server: ServerId(-1), protocol: 0, configuration: 0 });
}

#[test]
fn epochs_are_told_in_four_bytes() {
    let data = |bytes: &'static [u8]| Some(Bytes::from_static(bytes));
    assert_eq!(LeaderInfo { protocol: PROTOCOL }.encode()[..], [0, 1, 0, 0]);
    assert_eq!(LeaderInfo::decode(data(&[0, 1, 0, 0, 9])), Ok(LeaderInfo { protocol: PROTOCOL }));
    assert_eq!(AckEpoch { current: Some(5) }.encode()[..], [0, 0, 0, 5]);
    assert_eq!(AckEpoch { current: None }.encode()[..], [0xff; 4]);
    assert_eq!(AckEpoch::decode(data(&[0xff; 4])), Ok(AckEpoch { current: None }));
    assert_eq!(AckEpoch::decode(data(&[0, 0, 0, 5, 1, 2])), Ok(AckEpoch { current: Some(5) }));
    assert_eq!(AckEpoch::decode(None), Err(WireError::Null));
    assert_eq!(LeaderInfo::decode(data(&[0, 1])), Err(WireError::Truncated));
}

#[test]
fn sessions_are_touched_asked_for_and_answered() {
    let touched = Touched { sessions: vec![(SessionId(0x0100_0000_0000_0001), 4000), (SessionId(2), 6)] };
    let bytes = touched.encode();
    assert_eq!(bytes[..12], [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x0f, 0xa0]);
    assert_eq!(Touched::decode(Some(bytes.clone())), Ok(touched.clone()));
    assert_eq!(Touched::decode(None), Ok(Touched { sessions: Vec::new() }));
    let first = Touched { sessions: touched.sessions[..1].to_vec() };
    assert_eq!(Touched::decode(Some(bytes.slice(..23))), Ok(first));
    let asked = Revalidate { session: SessionId(7), timeout_ms: 4000 };
    assert_eq!(asked.encode()[..], [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0x0f, 0xa0]);
    assert_eq!(Revalidate::decode(Some(asked.encode())), Ok(asked));
    let answered = Revalidated { session: SessionId(7), valid: true };
    assert_eq!(answered.encode()[..], [0, 0, 0, 0, 0, 0, 0, 7, 1]);
    assert_eq!(Revalidated::decode(Some(answered.encode())), Ok(answered));
    assert_eq!(Revalidated::decode(None), Err(WireError::Null));
}

#[test]
fn a_request_is_handed_on_untouched() {
    let request = Bytes::from_static(b"record");
    let forwarded = Forwarded { session: SessionId(9), xid: Xid(3), op: OpCode(1), request };
    let expect = [&[0, 0, 0, 0, 0, 0, 0, 9][..], &[0, 0, 0, 3], &[0, 0, 0, 1], b"record"].concat();
    assert_eq!(forwarded.encode(), expect);
    assert_eq!(Forwarded::decode(Some(expect.into())), Ok(forwarded));
    assert_eq!(Forwarded::decode(Some(Bytes::from_static(&[0; 15]))), Err(WireError::Truncated));
}

#[test]
fn whoever_dials_an_election_port_greets() {
    let check = |bytes: &[&[u8]], expect: Greeting| {
        let bytes = bytes.concat();
        for length in 0..bytes.len() {
            let measured = Greeting::measure(&bytes[..length]).unwrap();
            assert!(matches!(measured, Measure::AtLeast(least) if length < least && least <= bytes.len()));
        }
        let more = [&bytes[..], b"more"].concat();
        assert_eq!(Greeting::measure(&more), Ok(Measure::Whole(bytes.len())));
        assert_eq!(Greeting::decode(bytes.into()), Ok(expect));
    };
    let sent = Greeting { server: ServerId(1), addresses: vec!["127.0.0.1:3888".to_owned()] };
    let (minus, one) = ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]);
    let first: &[&[u8]] = &[&minus, &one, &[0, 0, 0, 14], b"127.0.0.1:3888"];
    assert_eq!(sent.encode(), first.concat());
    check(first, sent.clone());
    let several = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1];
    let addresses = vec!["a:1".to_owned(), "[::1]:2".to_owned()];
    check(&[&several, &one, &[0, 0, 0, 11], b"a:1|[::1]:2"], Greeting { addresses, ..sent.clone() });
    check(&[&one], Greeting { addresses: Vec::new(), ..sent });
}

#[test]
fn other_greetings_are_refused() {
    let check = |bytes: &[&[u8]]| assert!(Greeting::measure(&bytes.concat()).is_err(), "{bytes:?}");
    let (minus, one) = ((-65536_i64).to_be_bytes(), 1_i64.to_be_bytes());
    check(&[&(-65534_i64).to_be_bytes()]);
    check(&[&(-1_i64).to_be_bytes()]);
    check(&[&minus, &one, &0_i32.to_be_bytes()]);
    check(&[&minus, &one, &(-1_i32).to_be_bytes()]);
    check(&[&minus, &one, &(GREETING_ADDRESS_BYTES_MAX as i32 + 1).to_be_bytes()]);
}
