use std::collections::{BTreeMap, VecDeque};

use clock::Now;
use znode::{Database, HashKey};
use zookeeper_wire::txn::TxnDigest;
use zookeeper_wire::{SessionId, Zxid};

use crate::ConnectionId;
use crate::border::{Effect, Input};
use crate::config::KeeperConfig;
use crate::talk::{Talk, check, check_with};

mod semantics;
mod traps;

#[test]
fn a_session_begins_works_and_ends() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /a hello
        1 < create /a @2
        1 > get /a
        1 < getData "hello" v0 c0 a0 n0 @2
        1 > set /a bye
        1 < setData v1 c0 a0 n0 @3
        1 > exists /b
        1 < exists NoNode @3
        1 > create2 /a/b x
        1 < create2 /a/b v0 c0 a0 n0 @4
        1 > ls /a
        1 < getChildren ["b"] @4
        1 > ls2 /a
        1 < getChildren2 ["b"] v1 c1 a0 n1 @4
        1 > delete /a
        1 < delete NotEmpty @5
        1 > delete /a/b 0
        1 < delete ok @6
        1 > count /
        1 < getAllChildrenNumber 4 @6
        1 > ping
        1 < ping ok @6
        1 > close
        1 < closeSession ok @7
        1 < closed
        "#,
    );
}

#[test]
fn the_short_handshake_is_answered_in_kind() {
    check(
        "
        1 > connect-old 1
        1 < session for 6000 in 36 bytes
        ",
    );
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        hold
        1 > create /a x
        1 > get /a
        1 > ping
        # Another session does not wait, and sees only what is committed.
        2 > get /a
        2 < getData NoNode @2
        2 > sync /
        2 > exists /a
        1 > create /a y
        persist
        1 < create /a @3
        1 < getData "x" v0 c0 a0 n0 @3
        1 < ping ok @3
        2 < sync / @3
        2 < exists v0 c0 a0 n0 @3
        1 < create NodeExists @4
        "#,
    );
}

#[test]
fn events_come_before_what_would_show_the_change() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        1 > exists /a w
        1 < exists NoNode @2
        1 > ls / w
        1 < getChildren ["zookeeper"] @2
        1 > get /b w
        1 < getData NoNode @2
        hold
        2 > create /a x
        2 > create /b x
        2 > set /a y
        1 > get /a
        1 < getData NoNode @2
        persist
        1 < event NodeCreated /a @3
        1 < event NodeChildrenChanged / @3
        2 < create /a @3
        2 < create /b @4
        2 < setData v1 c0 a0 n0 @5
        1 > get /a w
        1 < getData "y" v1 c0 a0 n0 @5
        1 > set /a z
        1 < event NodeDataChanged /a @6
        1 < setData v2 c0 a0 n0 @6
        "#,
    );
}

#[test]
fn persistent_watches_stay_and_can_be_checked_and_removed() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > watch / 1
        1 < addWatch 0 @1
        1 > watch / 7
        1 < addWatch MarshallingError @1
        1 > create /a x
        1 < event NodeCreated /a @2
        1 < create /a @2
        1 > create /a/b x
        1 < event NodeCreated /a/b @3
        1 < create /a/b @3
        1 > check-watches / 5
        1 < checkWatches ok @3
        1 > check-watches / 4
        1 < checkWatches NoWatcher @3
        1 > unwatch / 9
        1 < removeWatches MarshallingError @3
        1 > unwatch / 3
        1 < removeWatches ok @3
        1 > unwatch / 3
        1 < removeWatches NoWatcher @3
        1 > delete /a/b
        1 < delete ok @4
        "#,
    );
}

#[test]
fn a_session_is_taken_up_on_another_connection() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /e x e
        1 < create /e @2
        1 > get /e w
        1 < getData "x" v0 c0 a0 n0 @2
        2 > take-up 1 wrong
        2 < session for 0 in 37 bytes
        2 < closed
        hold
        1 > create /late x
        3 > take-up 1 right
        1 < closed
        # The write under way on the old connection comes first.
        persist
        3 < session for 10000 in 37 bytes
        3 > exists /late
        3 < exists v0 c0 a0 n0 @3
        3 > set-watches 1 /e /late /
        3 < event NodeDataChanged /e @-1
        3 < event NodeCreated /late @-1
        3 < event NodeChildrenChanged / @-1
        3 < setWatches ok @3
        3 > ephemerals /
        3 < getEphemerals ["/e"] @3
        "#,
    );
}

#[test]
fn a_session_expires_with_its_ephemerals() {
    check(
        r#"
        1 > connect 6000
        1 < session for 6000 in 37 bytes
        2 > connect 60000
        2 < session for 60000 in 37 bytes
        1 > create /e x e
        1 < create /e @3
        1 > hangs-up
        2 > exists /e w
        2 < exists v0 c0 a0 n0 @3
        wait 5000
        wait 4000
        2 < event NodeDeleted /e @4
        3 > take-up 1 right
        3 < session for 0 in 37 bytes
        3 < closed
        "#,
    );
}

#[test]
fn a_live_connection_of_an_expired_session_is_closed() {
    check(
        r#"
        1 > connect 6000
        1 < session for 6000 in 37 bytes
        wait 5000
        1 > ping
        1 < ping ok @1
        wait 5000
        wait 5000
        1 < closed
        "#,
    );
}

#[test]
fn a_client_that_has_seen_more_and_one_that_says_nothing_are_cut_off() {
    check(
        r#"
        1 > connect-ahead
        1 < closed
        2 > open 10.0.0.2:1
        wait 9999
        wait 1
        2 < closed
        3 > open 10.0.0.2:1
        3 > raw 0000
        3 < closed
        "#,
    );
}

#[test]
fn requests_before_the_session_is_ready_wait() {
    check(
        r#"
        hold
        1 > connect 10000
        1 > create /a x
        1 > get /a
        persist
        1 < session for 10000 in 37 bytes
        1 < create /a @2
        1 < getData "x" v0 c0 a0 n0 @2
        "#,
    );
}

#[test]
fn failures_of_a_multi_are_in_its_body() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > multi create /a x + create /b y + check /a 3 + delete /b
        1 < multi [Error(ErrorCode(0)), Error(ErrorCode(0)), Error(ErrorCode(-103)), Error(ErrorCode(-2))] @2
        1 > multi create /a x + check /a 0 + delete /a
        1 < multi [Create("/a"), Check, Delete] @3
        1 > multi-read ls / + get /none
        1 < multiRead [GetChildren(["zookeeper"]), Error(ErrorCode(-101))] @3
        1 > multi get / + ls /
        1 < multi MarshallingError @4
        "#,
    );
}

#[test]
fn what_is_no_operation_is_refused_and_cut_off() {
    for line in ["check / 0", "delete-container /zookeeper"] {
        let name = if line.starts_with("check") { "check" } else { "deleteContainer" };
        check(&format!(
            "
            1 > connect 10000
            1 < session for 10000 in 37 bytes
            1 > {line}
            1 < {name} Unimplemented @-1
            1 < closed
            "
        ));
    }
}

/// A body that cannot be read is answered; a header that cannot be read is not.
#[test]
fn hostile_frames_cost_only_their_own_connection() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    talk.line("2 > connect 10000");
    let mut random = fastrand::Rng::with_seed(3);
    for id in 10..400u64 {
        talk.line(&format!("{id} > connect 10000"));
        for _ in 0..4 {
            let mut frame = Vec::new();
            let op = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 16, 18, 21, 22, 100, 101, 105, 106]
                [random.usize(..20)];
            frame.extend_from_slice(&random.i32(1..100).to_be_bytes());
            frame.extend_from_slice(&i32::to_be_bytes(op));
            for _ in 0..random.usize(..6) {
                frame.extend_from_slice(&random.i32(-2..9).to_be_bytes());
                frame.push(b'/');
            }
            frame.truncate(random.usize(..=frame.len()));
            let mut effects = Vec::new();
            let input = Input::Received { connection: ConnectionId(id), frame: frame.into() };
            talk.keeper.step(Now::at_ms(0), input, &mut effects);
            for effect in effects {
                if let Effect::Persist { entries } = effect {
                    let upto = entries.last().unwrap().zxid;
                    talk.written = upto;
                    talk.keeper.step(Now::at_ms(0), Input::Persisted { upto }, &mut Vec::new());
                }
            }
        }
    }
    talk.out.clear();
    talk.line("2 > exists /");
    assert!(talk.out.contains("2 < exists v0"), "{}", talk.out);
}

#[test]
fn identities_open_what_lists_close() {
    let config = KeeperConfig {
        super_digest: Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".into()),
        ..KeeperConfig::default()
    };
    check_with(
        config,
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /m x mine
        1 < create InvalidACL @2
        1 > auth bob:secret
        1 < auth ok @0
        1 > who-am-i
        1 < whoAmI ip:10.0.0.1,digest:bob @2
        1 > create /m x mine
        1 < create /m @3
        1 > get-acl /m
        1 < getACL digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa @3
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        2 > get /m
        2 < getData NoAuth @4
        2 > get-acl /m
        2 < getACL NoAuth @4
        2 > exists /m w
        2 < exists NoAuth @4
        2 > watch /m 0
        2 < addWatch 0 @4
        # The event is withheld from one who may not read.
        1 > set /m y
        1 < setData v1 c0 a0 n0 @5
        2 > auth super:test
        2 < auth ok @0
        2 > get /m
        2 < getData "y" v1 c0 a0 n0 @5
        2 > set-acl /m
        2 < setACL v1 c0 a1 n0 @6
        3 > connect 10000
        3 < session for 10000 in 37 bytes
        3 > auth-as nonsense
        3 < auth AuthFailed @0
        3 < refused: it cannot be identified by the scheme "nonsense"
        3 < closed
        4 > connect 10000
        4 < session for 10000 in 37 bytes
        4 > sasl
        4 < sasl null @0
        "#,
    );
}

#[test]
fn reading_stops_while_too_much_is_under_way() {
    check_with(
        KeeperConfig { outstanding_max: 2, ..KeeperConfig::default() },
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        hold
        1 > create /a x
        1 > create /b x
        1 > create /c x
        1 < paused
        1 > create /d x
        persist
        1 < create /a @2
        1 < resumed
        1 < create /b @3
        1 < create /c @4
        1 < create /d @5
        "#,
    );
}

#[test]
fn too_many_connections_from_one_address_are_closed() {
    check_with(
        KeeperConfig { connections_per_address_max: 2, ..KeeperConfig::default() },
        r#"
        1 > open 10.0.0.1:1
        2 > open 10.0.0.1:2
        3 > open 10.0.0.1:3
        3 < closed
        4 > open 10.0.0.2:4
        1 > hangs-up
        5 > open 10.0.0.1:5
        "#,
    );
}

#[test]
fn containers_are_reaped_once_they_were_used() {
    check(
        r#"
        1 > connect 60000
        1 < session for 60000 in 37 bytes
        1 > create-container /c
        1 < createContainer /c v0 c0 a0 n0 @2
        1 > create /c/x x
        1 < create /c/x @3
        1 > delete /c/x
        1 < delete ok @4
        1 > exists /c w
        1 < exists v0 c2 a0 n0 @4
        wait 59999
        1 > ping
        1 < ping ok @4
        wait 1
        1 < event NodeDeleted /c @5
        "#,
    );
}

#[test]
fn reconfiguration_is_answered_as_a_lone_server_does() {
    check(
        "
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > reconfig
        1 < reconfig ReconfigDisabled @2
        ",
    );
    check_with(
        KeeperConfig { reconfig: true, ..KeeperConfig::default() },
        "
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > reconfig
        1 < reconfig Unimplemented @2
        ",
    );
}

#[test]
fn a_restart_keeps_what_was_logged() {
    let mut talk = Talk::new(KeeperConfig::default());
    for line in
        ["1 > connect 10000", "1 > create /a x", "1 > create /e x e", "1 > set /a y", "1 > delete /none"]
    {
        talk.line(line);
    }
    let mut database = Database::new(HashKey(5), znode::ExtendedTypes::On);
    for entry in &talk.log {
        database.replay(&zookeeper_wire::txn::TxnEntry::decode(entry.payload.clone()).unwrap());
    }
    let digest = talk.keeper.database().tree().digest();
    let sessions = talk.sessions.clone();
    let mut again = Talk::over(KeeperConfig::default(), database);
    assert_eq!(again.keeper.database().tree().digest(), digest);
    again.sessions = sessions;
    for line in ["2 > take-up 1 right", "2 > get /e", "2 > create /more x"] {
        again.line(line);
    }
    let heard: Vec<&str> = again.out.lines().filter(|line| line.contains('<')).collect();
    let expect =
        ["2 < session for 10000 in 37 bytes", r#"2 < getData "x" v0 c0 a0 n0 @5"#, "2 < create /more @6"];
    assert_eq!(heard, expect);
    again.now_ms = 20_000;
    again.line("wait 0");
    assert_eq!(again.keeper.database().tree().find("/e"), None);
}

#[test]
fn snapshots_are_due_after_so_many_transactions() {
    let config = KeeperConfig { snapshot_transactions: 20, ..KeeperConfig::default() };
    let mut talk = Talk::new(config);
    talk.line("1 > connect 10000");
    for n in 0..100 {
        talk.line(&format!("1 > create /n{n} x"));
    }
    assert!((5..=10).contains(&talk.snapshots), "{}", talk.snapshots);
}

#[test]
fn snapshots_of_a_large_tree_wait_for_a_log_in_proportion() {
    let config =
        KeeperConfig { snapshot_transactions: 20, snapshots_in_proportion: true, ..KeeperConfig::default() };
    let mut talk = Talk::new(config);
    talk.line("1 > connect 10000");
    for n in 0..400 {
        talk.line(&format!("1 > create /n{n} {}", "x".repeat(100)));
    }
    // Each time the tree has grown by about a third: 20, 27, 36 ... 400 are at most 12; by count alone, at least 20.
    let grown = talk.snapshots;
    assert!((5..=14).contains(&grown), "{grown}");
    for _ in 0..200 {
        talk.line("1 > set /n7 y");
    }
    // 200 short transactions weigh less than half of the tree.
    assert!(talk.snapshots <= grown + 1, "{} after {grown}", talk.snapshots);
}

/// Everything at once: many sessions, a slow disk, hang-ups. The node checks itself after each step;
/// here every reply must fit its request (the talk checks) and replies come in the order of requests.
#[test]
fn random_conversations_keep_their_order() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut talk = Talk::new(KeeperConfig { outstanding_max: 8, ..KeeperConfig::default() });
        let mut next = 1u64;
        let mut live: Vec<u64> = Vec::new();
        for _ in 0..600 {
            let line = match random.u8(..24) {
                0 => "hold".to_owned(),
                1 | 2 => "persist".to_owned(),
                3 => format!("wait {}", random.u16(..3000)),
                4 => {
                    live.push(next);
                    next += 1;
                    format!("{} > connect 10000", next - 1)
                }
                5 if live.len() > 3 => {
                    let id = live.swap_remove(random.usize(..live.len()));
                    format!("{id} > {}", if random.bool() { "close" } else { "hangs-up" })
                }
                _ if live.is_empty() => continue,
                verb => {
                    let id = live[random.usize(..live.len())];
                    let path = format!("/p{}", random.u8(..5));
                    let said = match verb % 9 {
                        0 => format!("create {path} x"),
                        1 => format!("create {path} x e"),
                        2 => format!("delete {path}"),
                        3 => format!("set {path} y"),
                        4 => format!("get {path} w"),
                        5 => "ls / w".to_owned(),
                        6 => format!("sync {path}"),
                        7 => format!("multi create {path} x + set {path} z"),
                        _ => "ping".to_owned(),
                    };
                    format!("{id} > {said}")
                }
            };
            talk.line(&line);
        }
        talk.line("persist");
        let mut asked: BTreeMap<&str, VecDeque<&str>> = BTreeMap::new();
        for line in talk.out.lines() {
            if let Some((id, said)) = line.split_once(" > ") {
                asked.entry(id).or_default().push_back(said.split(' ').next().unwrap());
            } else if let Some((id, heard)) = line.split_once(" < ") {
                let op = heard.split(' ').next().unwrap();
                if ["event", "paused", "resumed", "closed"].contains(&op) {
                    continue;
                }
                let said = asked.get_mut(id).and_then(VecDeque::pop_front);
                let expect = match op {
                    "session" => "connect",
                    "getData" => "get",
                    "getChildren" => "ls",
                    "setData" => "set",
                    "closeSession" => "close",
                    same => same,
                };
                assert_eq!(said, Some(expect), "seed {seed}, connection {id}");
            }
        }
        let tree = talk.keeper.database().tree();
        let owners: Vec<SessionId> = tree.ephemeral_sessions().map(|(session, _)| session).collect();
        assert!(owners.iter().all(|owner| talk.keeper.database().sessions().contains_key(owner)));
    }
}

/// A client that pipelines without end while its first write waits for the disk.
#[test]
fn a_pipeline_has_an_end() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    talk.line("2 > connect 10000");
    talk.line("hold");
    talk.line("1 > create /a x");
    talk.out.clear();
    for _ in 0..crate::limits::PIPELINE_MAX {
        talk.line("1 > ping");
    }
    assert!(talk.out.ends_with("1 > ping\n1 < closed\n"));
    talk.out.clear();
    talk.line("2 > exists /");
    talk.line("persist");
    assert!(talk.out.starts_with("2 > exists /\n2 < exists v0"), "{}", talk.out);
}

#[test]
fn so_has_what_is_sent_before_the_session_is_there() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("hold");
    talk.line("1 > connect 10000");
    for _ in 0..=crate::limits::HELD_FRAMES_MAX {
        talk.line("1 > raw 00");
    }
    assert!(talk.out.ends_with("1 < closed\n"));
    talk.line("persist");
}

/// A pipeline that is throttled is not read any further, and goes on when there is room.
#[test]
fn a_deep_pipeline_waits_when_requests_are_throttled() {
    let throttles = crate::Throttles { requests_max: 1, ..crate::Throttles::default() };
    let mut talk = Talk::new(KeeperConfig { throttles, ..KeeperConfig::default() });
    talk.line("1 > connect 10000");
    talk.line("hold");
    talk.line("1 > create /a x");
    talk.out.clear();
    for number in 1..crate::limits::HELD_FRAMES_PAUSE {
        talk.line(&format!("1 > create /a{number} x"));
    }
    assert!(!talk.out.contains("1 < "), "so many are read");
    talk.line("1 > create /last x");
    assert!(talk.out.ends_with("1 < paused\n"), "{}", talk.out);
    talk.out.clear();
    talk.line("persist");
    assert_eq!(talk.out.matches("1 < create").count(), 1 + crate::limits::HELD_FRAMES_PAUSE, "{}", talk.out);
    let resumed = talk.out.find("1 < resumed").expect("it is read again");
    assert!(resumed < talk.out.find("1 < create /last").expect("answered"), "{}", talk.out);
    assert!(!talk.out.contains("closed"));
}

/// Sessions come and go in every way there is; afterwards nothing remembers them.
#[test]
fn nothing_is_left_of_sessions_that_are_gone() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut talk = Talk::new(KeeperConfig { outstanding_max: 4, ..KeeperConfig::default() });
    for id in 1..600u64 {
        talk.line(if random.bool() { "hold" } else { "persist" });
        talk.line(&format!("{id} > connect 6000"));
        for said in
            ["create /e x e", "get / w", "ls / w", "watch / 1", "create /s- x s", "sync /", "auth a:b"]
        {
            if random.bool() {
                talk.line(&format!("{id} > {said}"));
            }
        }
        match random.u8(..4) {
            0 => talk.line(&format!("{id} > close")),
            1 => talk.line(&format!("{id} > hangs-up")),
            2 => talk.line(&format!("{id} > raw 00")),
            _ => talk.line("wait 700"),
        }
        talk.out.clear();
    }
    talk.line("persist");
    for _ in 0..30 {
        talk.line("wait 6000");
    }
    let keeper = &talk.keeper;
    assert!(keeper.connections.is_empty() && keeper.addresses.is_empty() && keeper.attached.is_empty());
    assert!(keeper.sessionless.is_empty() && keeper.waiting.is_empty() && keeper.holding.is_empty());
    assert!(keeper.ending.is_empty() && keeper.server.proposals.is_empty());
    assert_eq!(keeper.server.in_flight, 0);
    assert!(keeper.server.sessions.is_empty() && keeper.database().sessions().is_empty());
    assert!(keeper.server.watches.is_empty() && keeper.server.outstanding.is_empty());
    assert_eq!(keeper.database().tree().ephemeral_count(), 0);
}

/// More clients than the log's queue has room for, while the disk stands still: they wait, and are
/// served when it goes on.
#[test]
fn clients_wait_when_the_log_has_no_room() {
    let config = KeeperConfig { connections_per_address_max: 0, ..KeeperConfig::default() };
    let mut talk = Talk::new(config);
    let clients = zab::limits::OUTSTANDING_MAX as u64 + 100;
    talk.line("hold");
    for id in 1..=clients {
        talk.line(&format!("{id} > connect 60000"));
    }
    talk.line(&format!("{} > hangs-up", clients - 1));
    assert!(talk.keeper.server.peer.room() < crate::limits::ROOM_MIN);
    talk.out.clear();
    talk.line("persist");
    let sessions = talk.out.lines().filter(|line| line.contains("< session for 60000")).count() as u64;
    assert_eq!(sessions, clients - 1);
    talk.line(&format!("{clients} > create /last x"));
    assert!(talk.out.ends_with(&format!("{clients} < create /last @{clients}\n")));
}

/// A Java leader's snapshot holds parts of what it committed while it sent it.
#[test]
fn no_digest_is_told_or_compared_while_a_leaders_snapshot_is_ahead() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.keeper.server.fuzzy_to = Zxid(130);
    talk.line("1 > connect 10000");
    for n in 0..300 {
        talk.line(&format!("1 > create /n{n} x"));
    }
    let told: Vec<i64> = talk.keeper.server.digests.iter().map(|(zxid, _)| zxid.0).collect();
    assert_eq!(told, [256]);
    let wrong = TxnDigest { version: znode::DIGEST_VERSION, tree: -1 };
    talk.keeper.compare(Zxid(130), Some(wrong));
    assert_eq!(talk.keeper.digest_mismatches(), 0);
    talk.keeper.compare(Zxid(131), Some(wrong));
    assert_eq!(talk.keeper.digest_mismatches(), 1);
}
