use crate::border::{Input, Measures, Observed};
use crate::talk::{Talk, check, check_with};
use crate::{KeeperConfig, WordList, is_word};

fn talkative() -> KeeperConfig {
    KeeperConfig { words: WordList::All, version: "3.9.5-castle".into(), ..KeeperConfig::default() }
}

#[test]
fn words_are_told_from_frame_lengths() {
    let check = |bytes: &[u8; 4], expect| assert_eq!(is_word(*bytes), expect);
    check(b"ruok", true);
    check(b"srvr", true);
    check(&[0xff, 0xf4, 0xff, 0xfd], true);
    check(&[0, 0, 0, 44], false);
    check(b"GET ", false);
}

#[test]
fn only_words_on_the_list_are_answered() {
    check(
        r#"
        1 > open 10.0.0.1:1
        1 > word ruok
        1 < "ruok is not executed because it is not in the whitelist.\n"
        1 < closed
        "#,
    );
}

#[test]
fn the_short_words_say_what_tools_expect() {
    check_with(
        talkative(),
        r#"
        1 > open 10.0.0.1:1
        1 > word ruok
        1 < "imok"
        1 < closed
        2 > open 10.0.0.1:1
        2 > word isro
        2 < "rw"
        2 < closed
        3 > open 10.0.0.1:1
        3 > word srvr
        3 < "Zookeeper version: 3.9.5-castle\nLatency min/avg/max: 0/0.0/0\nReceived: 3\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 5\n"
        3 < closed
        4 > open 10.0.0.1:1
        4 > word srst
        4 < "Server stats reset.\n"
        4 < closed
        5 > open 10.0.0.1:1
        5 > word envi
        5 < "Environment:\nzookeeper.version=3.9.5-castle\n"
        5 < closed
        6 > connect 10000
        6 < session for 10000 in 37 bytes
        6 > get /zookeeper w
        6 < getData "" v0 c-2 a0 n2 @1
        7 > open 10.0.0.1:7
        7 > word wchp
        7 < "/zookeeper\n\t0x100000000000000\n\n"
        7 < closed
        8 > open 10.0.0.1:7
        8 > word wchs
        8 < "1 connections watching 1 paths\nTotal watches:1\n"
        8 < closed
        9 > open 10.0.0.1:7
        9 > word cons
        9 < " /10.0.0.1:5000[1](queued=0,recved=2,sent=2,sid=0x100000000000000,lop=GETD,est=0,to=10000,lcxid=0x1,lzxid=0x1,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n /10.0.0.1:7[1](queued=0,recved=0,sent=0)\n\n"
        9 < closed
        "#,
    );
}

#[test]
fn a_member_shows_its_ensemble() {
    let mut talk = Talk::member(talkative(), 3);
    talk.line("1 > open 10.0.0.1:1");
    talk.line("1 > word conf");
    let expect = "serverId=1\\ninitLimit=10\\nsyncLimit=5\\nelectionAlg=3\\nelectionPort=3888\\nquorumPort=2888\\n\
                  peerType=0\\nmembership: \\nserver.1=server1:2888:3888:participant\\n\
                  server.2=server2:2888:3888:participant\\nserver.3=server3:2888:3888:participant\\n\
                  version=0\"\n1 < closed\n";
    assert!(talk.out.ends_with(expect), "{}", talk.out);
}

#[test]
fn quotas_are_shown_by_namespace() {
    let mut talk = Talk::new(talkative());
    talk.line("1 > connect 10000");
    let limits = ["count=3,bytes=-1", "count=-1,bytes=40=;byteHardLimit=50;countHardLimit=7"];
    for (subtree, limit) in ["/a/b", "/a/c"].into_iter().zip(limits) {
        for path in ["/a", subtree, "/zookeeper/quota/a", &format!("/zookeeper/quota{subtree}")] {
            talk.line(&format!("1 > create {path} xyz"));
        }
        talk.line(&format!("1 > create /zookeeper/quota{subtree}/zookeeper_limits {limit}"));
        talk.line(&format!("1 > create /zookeeper/quota{subtree}/zookeeper_stats x"));
    }
    talk.line("1 > create /a/b/d four");
    talk.line("2 > open 10.0.0.1:2");
    talk.line("2 > word mntr");
    for (name, value) in [("count_limit", 10), ("bytes_limit", 49), ("count_usage", 3), ("bytes_usage", 10)] {
        let line = format!("\\nzk_a_quota_{name}_per_namespace\\t{value}\\n");
        assert!(talk.out.contains(&line), "{line} in {}", talk.out);
    }
}

#[test]
fn what_the_edge_measured_is_shown() {
    let mut talk = Talk::new(talkative());
    let mut restores_ms = Observed::once(30);
    restores_ms.add(12);
    let measures = Measures {
        start_snapshot_ms: Observed::once(5),
        start_transactions_ms: Observed::once(6),
        start_transactions: Observed::once(7),
        restores_ms,
        restores_failed: 8,
        restores_limited: 9,
        snapshots_failed: 10,
        snapshots_limited: 11,
        fatal: 12,
        handshakes: 13,
        handshakes_refused: 14,
        handshakes_failed: 15,
        ..Measures::default()
    };
    talk.step(Input::Measured(Box::new(measures)));
    talk.line("1 > open 10.0.0.1:1");
    talk.line("1 > word mntr");
    for (name, value) in [
        ("sum_startup_snap_load_time", 5),
        ("sum_startup_txns_load_time", 6),
        ("sum_startup_txns_loaded", 7),
        ("cnt_restore_time", 2),
        ("sum_restore_time", 42),
        ("min_restore_time", 12),
        ("restore_error_count", 8),
        ("restore_rate_limited_count", 9),
        ("snapshot_error_count", 10),
        ("snapshot_rate_limited_count", 11),
        ("unrecoverable_error_count", 12),
        ("outstanding_tls_handshake", 13),
        ("tls_handshake_exceeded", 14),
        ("unsuccessful_handshake", 15),
        ("auth_failed_count", 15),
    ] {
        let line = format!("\\nzk_{name}\\t{value}\\n");
        assert!(talk.out.contains(&line), "{line} in {}", talk.out);
    }
}

#[test]
fn the_long_words_answer_too() {
    for word in ["conf", "mntr", "dump", "wchc", "dirs", "crst", "stat", "gtmk", "hash"] {
        let mut talk = Talk::new(talkative());
        talk.line("1 > connect 10000");
        talk.line("1 > create /e x e");
        talk.line("2 > open 10.0.0.1:2");
        talk.line(&format!("2 > word {word}"));
        assert!(talk.out.contains("2 < \"") && talk.out.ends_with("2 < closed\n"), "{}", talk.out);
        if word == "mntr" {
            for name in ["zk_version\\t3.9.5", "zk_server_state\\tstandalone", "zk_ephemerals_count\\t1\\n"] {
                assert!(talk.out.contains(name), "{name} in {}", talk.out);
            }
        }
    }
}
