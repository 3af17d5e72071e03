use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{Txn, TxnEntry, TxnHeader};

use super::*;
use crate::config::{KeeperConfig, LocalSessions};
use crate::member::Votes;
use crate::talk::Talk;

/// Found by the simulator (ensemble 4): the leader orders a sync and then a write, and commits that write
/// before it tells of the sync.
#[test]
fn a_write_that_comes_back_before_the_word_of_the_sync_before_it_is_answered_after_that_sync() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    let link = LinkId(1);
    talk.keeper.server.member.part = Part::Learning(link, Votes::Yes);
    talk.line("1 > sync /");
    talk.line("1 > get /a");
    talk.line("1 > create /a x");
    talk.line("1 > sync /");
    talk.out.clear();
    let (&(session, cxid), _) = talk.keeper.server.member.forwarded.iter().next().expect("the create");
    let zxid = talk.keeper.database().last_applied().next().expect("there are more");
    let kind = OpCode(-1);
    let header = TxnHeader { session, cxid, zxid, time_ms: 0, kind };
    let mut writer = Writer::new();
    TxnEntry { header, txn: Txn::Error(ErrorCode::NODE_EXISTS), digest: None }.encode(&mut writer);
    let mut effects = Vec::new();
    talk.keeper.deliver(zab::Entry { zxid, payload: writer.finish() }, &mut effects);
    let answers = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Send { .. })).count();
    assert_eq!(answers(&effects), 3, "sync, get, create: {effects:?}");
    // The word of the first sync comes late, and is not taken for that of the second.
    let word = || QuorumPacket::bare(PacketKind::SYNC, Zxid::ZERO);
    talk.keeper.passed(link, word(), &mut effects);
    assert_eq!(answers(&effects), 3);
    talk.keeper.passed(link, word(), &mut effects);
    assert_eq!(answers(&effects), 4);
}

/// Found by the simulator (ensemble 166).
#[test]
fn what_a_session_asked_before_it_ends_itself_is_answered() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    talk.line("hold");
    for line in ["1 > create /a x", "1 > get /a", "1 > sync /a", "1 > close"] {
        talk.line(line);
    }
    talk.out.clear();
    talk.line("persist");
    let got = talk.out.find("1 < getData \"x\"").expect("the read is served");
    let ended = talk.out.find("1 < closeSession ok").expect("the session ends");
    assert!(got < ended && !talk.out.contains("SessionExpired"), "{}", talk.out);
}

#[test]
fn the_upgrade_of_a_session_is_not_the_answer_to_a_request_that_bears_its_number() {
    let local_sessions = LocalSessions::Upgraded;
    let mut talk = Talk::new(KeeperConfig { local_sessions, ..KeeperConfig::default() });
    talk.keeper.server.member.part = Part::Learning(LinkId(1), Votes::Yes);
    talk.line("1 > connect 10000");
    // create /e, ephemeral, open to all, as request 0.
    talk.line(
        "1 > raw \
         0000000000000001000000022f6500000000000000010000001f00000005776f726c6400000006616e796f6e6500000001",
    );
    let (&(session, cxid), asked) = talk.keeper.server.member.forwarded.iter().next().expect("both");
    assert_eq!((cxid, asked.len()), (Xid(0), 2));
    let zxid = talk.keeper.database().last_applied().next().expect("there are more");
    let header = TxnHeader { session, cxid, zxid, time_ms: 0, kind: OpCode::CREATE_SESSION };
    let mut writer = Writer::new();
    TxnEntry { header, txn: Txn::CreateSession { timeout_ms: 10_000 }, digest: None }.encode(&mut writer);
    let mut effects = Vec::new();
    talk.keeper.deliver(zab::Entry { zxid, payload: writer.finish() }, &mut effects);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send { .. })), "{effects:?}");
}
