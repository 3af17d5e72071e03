use clock::Now;
use zab::LinkId;

use crate::command::Command;
use crate::config::{KeeperConfig, LocalSessions};
use crate::member::{Part, Votes};
use crate::talk::{Talk, check_on, check_with};

fn leader(local_sessions: LocalSessions) -> Talk {
    let mut talk = Talk::member(KeeperConfig { local_sessions, ..KeeperConfig::default() }, 1);
    // The election.
    talk.line("wait 1000");
    talk.out.clear();
    assert_eq!(talk.keeper.mode(), "leader");
    talk
}

fn lone_member(config: KeeperConfig) -> Talk {
    Talk::member(KeeperConfig { read_only_mode: true, ..config }, 3)
}

#[test]
fn a_local_session_makes_no_transaction_and_cannot_own_a_znode() {
    check_on(
        leader(LocalSessions::Kept),
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /a x
        1 < create /a @4294967297
        1 > create /e x e
        1 < create EphemeralOnLocalSession @4294967298
        1 > multi create /b x + create /e x e
        1 < multi [Error(ErrorCode(0)), Error(ErrorCode(-120))] @4294967299
        1 > get /a
        1 < getData "x" v0 c0 a0 n0 @4294967299
        1 > close
        1 < closeSession ok @4294967299
        1 < closed
        "#,
    );
}

#[test]
fn a_local_session_that_wants_an_ephemeral_znode_becomes_a_global_one() {
    let mut talk = leader(LocalSessions::Upgraded);
    for line in ["1 > connect 10000", "1 > create /e x e", "1 > ephemerals /"] {
        talk.line(line);
    }
    assert_eq!(
        talk.out,
        "1 > connect 10000\n1 < session for 10000 in 37 bytes\n1 > create /e x e\n\
         1 < create /e @4294967298\n1 > ephemerals /\n1 < getEphemerals [\"/e\"] @4294967298\n"
    );
    assert_eq!(talk.keeper.local_sessions(), 0);
    assert_eq!(talk.keeper.database().sessions().len(), 1);
    // Like any other, it is expired by a transaction, with its znode.
    talk.out.clear();
    talk.line("wait 14000");
    assert_eq!(talk.out, "wait 14000\n1 < closed\n");
    assert_eq!(talk.keeper.database().tree().ephemeral_count(), 0);
}

#[test]
fn a_local_session_is_taken_up_here_and_expires_without_a_transaction() {
    let mut talk = leader(LocalSessions::Kept);
    for line in ["1 > connect 10000", "1 > hangs-up", "2 > take-up 1 wrong", "3 > take-up 1 right"] {
        talk.line(line);
    }
    assert_eq!(talk.keeper.local_sessions(), 1);
    assert!(talk.out.ends_with(
        "2 < session for 0 in 37 bytes\n2 < closed\n3 > take-up 1 right\n3 < session for 10000 in 37 bytes\n"
    ));
    talk.out.clear();
    for line in ["wait 14000", "4 > take-up 1 right"] {
        talk.line(line);
    }
    assert_eq!(
        talk.out,
        "wait 14000\n3 < closed\n4 > take-up 1 right\n4 < session for 0 in 37 bytes\n4 < closed\n"
    );
    assert_eq!(talk.keeper.database().last_applied(), zookeeper_wire::Zxid::ZERO, "nothing was logged");
}

#[test]
fn a_local_session_whose_client_leaves_before_its_farewell_is_forgotten() {
    let mut talk = leader(LocalSessions::Kept);
    for line in ["1 > connect 10000", "hold", "1 > create /a x", "1 > close"] {
        talk.line(line);
    }
    assert_eq!(talk.keeper.local_sessions(), 1);
    talk.line("1 > hangs-up");
    assert_eq!(talk.keeper.local_sessions(), 0);
}

#[test]
fn a_learner_hands_nothing_on_for_a_local_session_that_has_asked_for_its_end() {
    let mut talk = Talk::new(KeeperConfig { local_sessions: LocalSessions::Kept, ..KeeperConfig::default() });
    talk.keeper.server.member.part = Part::Learning(LinkId(1), Votes::Yes);
    for line in ["1 > connect 10000", "1 > create /a x", "1 > close", "1 > create /b x"] {
        talk.line(line);
    }
    assert_eq!(talk.out.matches("leader < ").count(), 1, "{}", talk.out);
}

#[test]
fn sessions_of_both_kinds_that_are_due_together_are_all_listed() {
    let mut talk = leader(LocalSessions::Upgraded);
    for line in ["1 > connect 10000", "1 > create /e x e", "2 > connect 10000"] {
        talk.line(line);
    }
    assert_eq!((talk.keeper.local_sessions(), talk.keeper.database().sessions().len()), (1, 1));
    let command = Command { name: "dump", trace_mask: None };
    let body = talk.keeper.command(Now::at_ms(1000), &command).body;
    let due = body["expiry_time_to_session_ids"].as_object().expect("moments");
    let listed: usize = due.values().map(|sessions| sessions.as_array().expect("sessions").len()).sum();
    assert_eq!((due.len(), listed), (1, 2), "{body}");
}

#[test]
fn standing_alone_all_sessions_are_global() {
    let config = KeeperConfig { local_sessions: LocalSessions::Kept, ..KeeperConfig::default() };
    check_with(
        config,
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /e x e
        1 < create /e @2
        "#,
    );
}

#[test]
fn without_a_quorum_those_who_asked_for_it_may_read() {
    let mut talk = lone_member(KeeperConfig::default());
    talk.line("1 > connect-reading 10000");
    assert!(talk.out.ends_with("1 < closed\n"), "an election has its time");
    talk.out.clear();
    talk.line("wait 3000");
    assert_eq!(talk.keeper.mode(), "read-only");
    talk.out.clear();
    for line in [
        "2 > connect 10000",
        "3 > connect-old 10000",
        "4 > connect-reading 10000",
        "4 > get /zookeeper",
        "4 > create /a x",
        "4 > multi delete /a",
        "4 > sync /",
        "4 > check /a 0",
        "4 > exists /a w",
        "4 > ping",
        "4 > word isro",
    ] {
        talk.line(line);
    }
    let expect = r#"2 > connect 10000
2 < closed
3 > connect-old 10000
3 < closed
4 > connect-reading 10000
4 < session for 10000 in 37 bytes, to read
4 > get /zookeeper
4 < getData "" v0 c-2 a0 n2 @0
4 > create /a x
4 < create NotReadOnly @0
4 > multi delete /a
4 < multi NotReadOnly @0
4 > sync /
4 < sync NotReadOnly @0
4 > check /a 0
4 < check NotReadOnly @0
4 > exists /a w
4 < exists NoNode @0
4 > ping
4 < ping ok @0
4 > word isro
4 < "isro is not executed because it is not in the whitelist.\n"
4 < closed
"#;
    assert_eq!(talk.out, expect);
    assert_eq!(talk.keeper.local_sessions(), 1);
}

#[test]
fn read_only_sessions_end_with_close_or_with_time() {
    let mut talk = lone_member(KeeperConfig::default());
    talk.line("wait 3000");
    for line in ["1 > connect-reading 10000", "1 > close", "2 > connect-reading 10000"] {
        talk.line(line);
    }
    assert!(talk.out.contains("1 < closeSession ok @0\n1 < closed\n"), "{}", talk.out);
    assert_eq!(talk.keeper.local_sessions(), 1);
    talk.line("wait 14000");
    assert!(talk.out.ends_with("2 < closed\n"), "{}", talk.out);
    assert_eq!(talk.keeper.local_sessions(), 0);
}

#[test]
fn without_a_quorum_no_session_is_upgraded() {
    let mut talk =
        lone_member(KeeperConfig { local_sessions: LocalSessions::Upgraded, ..KeeperConfig::default() });
    talk.line("wait 3000");
    talk.line("1 > connect-reading 10000");
    talk.out.clear();
    for line in ["1 > create /e x e", "1 > multi create /e x e", "1 > get /zookeeper"] {
        talk.line(line);
    }
    let expect = r#"1 > create /e x e
1 < create NotReadOnly @0
1 > multi create /e x e
1 < multi NotReadOnly @0
1 > get /zookeeper
1 < getData "" v0 c-2 a0 n2 @0
"#;
    assert_eq!(talk.out, expect);
    assert_eq!(talk.keeper.local_sessions(), 1);
}

#[test]
fn without_the_setting_nobody_is_served_without_a_quorum() {
    let mut talk = Talk::member(KeeperConfig::default(), 3);
    for line in ["wait 60000", "1 > connect-reading 10000"] {
        talk.line(line);
    }
    assert!(talk.out.ends_with("1 < closed\n"));
    assert_eq!(talk.keeper.mode(), "looking");
}
