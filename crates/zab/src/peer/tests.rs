use super::*;
use bytes::Bytes;

use crate::Entry;
use crate::limits::OUTSTANDING_MAX;

/// A conversation with a peer: each line of `script` is `propose`, `propose N` or `persisted ZXID`; the
/// answer has a line for each input and one, indented, for each effect.
fn transcript(last: Zxid, script: &str) -> String {
    let mut peer = Peer::alone(ServerId(1), last);
    let mut story = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        story += &format!("{line}\n");
        let mut effects = Vec::new();
        let (word, argument) = line.split_once(' ').unwrap_or((line, "1"));
        match word {
            "propose" => {
                for _ in 0..argument.parse::<usize>().unwrap() {
                    let entry = Entry { zxid: peer.next_zxid(), payload: Bytes::from_static(b"x") };
                    peer.step(Moment::at_ms(0), Input::Proposed { entry }, &mut effects);
                }
            }
            "persisted" => {
                let upto = Zxid(i64::from_str_radix(argument, 16).unwrap());
                peer.step(Moment::at_ms(0), Input::Persisted { upto }, &mut effects);
            }
            other => panic!("what is {other}?"),
        }
        for effect in effects {
            story += &match effect {
                Effect::Persist { entries } => {
                    let zxids: Vec<_> = entries.iter().map(|entry| entry.zxid.to_string()).collect();
                    format!("  persist {}\n", zxids.join(" "))
                }
                Effect::Deliver { entry } => format!("  deliver {}\n", entry.value().zxid),
                other => panic!("a server that stands alone wants {other:?}"),
            };
        }
    }
    story
}

fn check(last: Zxid, conversation: &str) {
    let expect: String = conversation
        .lines()
        .map(|line| line.strip_prefix("        ").unwrap_or(line))
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let script: String =
        expect.lines().filter(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")).collect();
    assert_eq!(transcript(last, &script), expect);
}

#[test]
fn a_transaction_is_delivered_after_it_is_durable() {
    check(
        Zxid::ZERO,
        "
        propose
          persist 0x1
        persisted 1
          deliver 0x1
        ",
    );
}

#[test]
fn several_transactions_share_one_sync() {
    check(
        Zxid::new(3, 7),
        "
        propose 3
          persist 0x300000008 0x300000009 0x30000000a
        propose
          persist 0x30000000b
        persisted 30000000a
          deliver 0x300000008
          deliver 0x300000009
          deliver 0x30000000a
        persisted 30000000a
        persisted 30000000b
          deliver 0x30000000b
        ",
    );
}

#[test]
fn a_used_up_counter_begins_the_next_epoch() {
    check(
        Zxid::new(1, u32::MAX - 1),
        "
        propose 3
          persist 0x1ffffffff 0x200000001 0x200000002
        persisted 200000001
          deliver 0x1ffffffff
          deliver 0x200000001
        ",
    );
}

#[test]
#[should_panic(expected = "neither holes nor doubles")]
fn a_hole_in_the_order_is_a_bug() {
    let mut peer = Peer::alone(ServerId(1), Zxid::ZERO);
    let entry = Entry { zxid: Zxid(2), payload: Bytes::new() };
    peer.step(Moment::at_ms(0), Input::Proposed { entry }, &mut Vec::new());
}

#[test]
#[should_panic(expected = "has what it was given")]
fn the_disk_cannot_have_what_was_not_proposed() {
    Peer::alone(ServerId(1), Zxid::ZERO).step(
        Moment::at_ms(0),
        Input::Persisted { upto: Zxid(1) },
        &mut Vec::new(),
    );
}

#[test]
fn room_runs_out_and_comes_back() {
    let mut peer = Peer::alone(ServerId(1), Zxid::ZERO);
    let mut effects = Vec::new();
    while peer.room() > 0 {
        let entry = Entry { zxid: peer.next_zxid(), payload: Bytes::new() };
        peer.step(Moment::at_ms(0), Input::Proposed { entry }, &mut effects);
    }
    assert_eq!(peer.outstanding(), OUTSTANDING_MAX);
    peer.step(Moment::at_ms(0), Input::Persisted { upto: Zxid(10) }, &mut effects);
    assert_eq!(peer.room(), 10);
}

#[test]
fn whatever_the_pace_of_the_disk_the_order_is_that_of_the_proposals() {
    for seed in 0..200 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let start = Zxid::new(chance.u32(0..9), u32::MAX - chance.u32(0..50));
        let mut peer = Peer::alone(ServerId(chance.i64(0..255)), start);
        let (mut proposed, mut durable, mut delivered) = (Vec::new(), 0, Vec::new());
        for _ in 0..200 {
            let mut effects = Vec::new();
            if chance.bool() {
                let zxid = peer.next_zxid();
                proposed.push(zxid);
                peer.step(
                    Moment::at_ms(0),
                    Input::Proposed { entry: Entry { zxid, payload: Bytes::new() } },
                    &mut effects,
                );
            } else if durable < proposed.len() {
                durable = chance.usize(durable..proposed.len()) + 1;
                peer.step(Moment::at_ms(0), Input::Persisted { upto: proposed[durable - 1] }, &mut effects);
            }
            delivered.extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Deliver { entry } => Some(entry.into_value().zxid),
                _ => None,
            }));
            assert_eq!(delivered, proposed[..durable], "seed {seed}");
        }
    }
}

#[test]
fn an_epoch_that_none_can_follow_is_no_greeting() {
    use crate::core::Core;
    use crate::leader::Leader;
    use crate::packet::payload::{LearnerInfo, PROTOCOL};
    use crate::packet::{PacketKind, QuorumPacket};

    let ensemble = Ensemble {
        id: ServerId(1),
        configuration: Configuration::of_voters([1, 2, 3].map(ServerId)),
        proposed: None,
        reconfigurable: false,
        tick: Span::ms(100),
        init_limit: 10,
        sync_limit: 5,
    };
    let info = LearnerInfo { server: ServerId(2), protocol: PROTOCOL, configuration: 0 };
    for (zxid, welcome) in
        [(Zxid::new(7, 0), true), (Zxid::new(crate::limits::EPOCH_MAX, 0), false), (Zxid(-1), false)]
    {
        let mut core = Core::new(ensemble.clone(), Recovered::default(), true);
        let mut leader = Leader::elected(&core, Moment::at_ms(0));
        let packet = QuorumPacket::with(PacketKind::FOLLOWERINFO, zxid, info.encode());
        let mut effects = Vec::new();
        let stays = leader.greeted(&mut core, Moment::at_ms(0), LinkId(1), &packet, &mut effects);
        assert_eq!((stays, effects.is_empty()), (welcome, !welcome), "{zxid:?}: {effects:?}");
    }
}
