//! The places where a server that is like ZooKeeper is easily not quite like it, a test each, named
//! by what clients would notice.

use znode::{Database, ExtendedTypes, HashKey};
use zookeeper_wire::txn::{CreateTtlTxn, Txn, TxnEntry, TxnHeader};
use zookeeper_wire::{Acl, OpCode, SessionId, Xid, Zxid};

use crate::config::KeeperConfig;
use crate::talk::{Talk, check};

/// The original removes any childless znode for whoever asks; here a client has no such operation.
#[test]
fn trap_t1_delete_container_is_not_for_clients() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        1 > create-container /c
        1 < createContainer /c v0 c0 a0 n0 @3
        1 > create /plain x
        1 < create /plain @4
        1 > delete-container /plain
        1 < deleteContainer Unimplemented @-1
        1 < closed
        2 > delete-container /c
        2 < deleteContainer Unimplemented @-1
        2 < closed
        3 > connect 10000
        3 < session for 10000 in 37 bytes
        3 > ls /
        3 < getChildren ["c", "plain", "zookeeper"] @5
        "#,
    );
}

/// Znodes with a time to live, met by a server that has those switched off, look like ephemeral ones
/// of sessions that are gone. The original deletes them as it starts.
#[test]
fn trap_t2_timed_znodes_survive_a_server_without_extended_types() {
    for extended_types in [ExtendedTypes::On, ExtendedTypes::Off] {
        let mut database = Database::new(HashKey(5), extended_types);
        let txn = Txn::CreateTtl(CreateTtlTxn {
            path: "/timed".into(),
            data: None,
            acl: Acl::open(),
            parent_cversion: 1,
            ttl_ms: 60_000,
        });
        let header = TxnHeader {
            session: SessionId(1),
            cxid: Xid(1),
            zxid: Zxid(1),
            time_ms: 0,
            kind: OpCode::CREATE_TTL,
        };
        database.replay(&TxnEntry { header, txn, digest: None });
        let mut talk = Talk::over(KeeperConfig::default(), database);
        talk.line("1 > connect 60000");
        talk.line("1 > ephemerals /");
        talk.line("1 > exists /timed");
        assert!(talk.out.ends_with("1 < exists v0 c0 a0 n0 @2\n"), "{}", talk.out);
        assert!(talk.out.contains("1 < getEphemerals []"), "{}", talk.out);
    }
}

#[test]
fn trap_t3_a_failed_multi_has_no_error_in_its_header() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > multi create /a x + set /none y + delete /a
        1 < multi [Error(ErrorCode(0)), Error(ErrorCode(-101)), Error(ErrorCode(-2))] @2
        # It used up its transaction all the same, and changed nothing.
        1 > create /a x
        1 < create /a @3
        "#,
    );
}

#[test]
fn trap_t4_exists_leaves_a_watch_where_nothing_is_and_get_data_does_not() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > exists /a w
        1 < exists NoNode @1
        1 > get /b w
        1 < getData NoNode @1
        1 > ls /c w
        1 < getChildren NoNode @1
        1 > create /a x
        1 < event NodeCreated /a @2
        1 < create /a @2
        1 > create /b x
        1 < create /b @3
        1 > create /c x
        1 < create /c @4
        "#,
    );
}

/// What happens carries its transaction; what setWatches makes up for carries none.
#[test]
fn trap_t5_an_event_carries_its_zxid_unless_it_was_missed() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > exists /a w
        1 < exists NoNode @1
        1 > create /a x
        1 < event NodeCreated /a @2
        1 < create /a @2
        1 > set-watches 1 /a /a /
        1 < event NodeDataChanged /a @-1
        1 < event NodeCreated /a @-1
        1 < event NodeChildrenChanged / @-1
        1 < setWatches ok @2
        "#,
    );
}

#[test]
fn trap_t6_the_handshake_is_answered_in_the_length_of_the_question() {
    check(
        "
        1 > connect-old 10000
        1 < session for 10000 in 36 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        ",
    );
}

#[test]
fn trap_t7_a_wrong_password_looks_like_an_expired_session() {
    let refusal = |script: &[&str]| {
        let mut talk = Talk::new(KeeperConfig::default());
        for line in script {
            talk.line(line);
        }
        let at = talk.out.find("9 < ").expect("it was answered");
        talk.out[at..].to_owned()
    };
    let wrong = refusal(&["1 > connect 10000", "9 > take-up 1 wrong"]);
    let expired = refusal(&["1 > connect 10000", "1 > close", "9 > take-up 1 right"]);
    assert_eq!(wrong, "9 < session for 0 in 37 bytes\n9 < closed\n");
    assert_eq!(wrong, expired);
}

#[test]
fn trap_t8_reads_wait_for_their_own_sessions_writes() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        hold
        1 > create /a x
        1 > get /a
        1 > exists /a
        2 > get /a
        2 < getData NoNode @2
        persist
        1 < create /a @3
        1 < getData "x" v0 c0 a0 n0 @3
        1 < exists v0 c0 a0 n0 @3
        "#,
    );
}

/// Who may read but not administer sees that there is a password, not its hash.
#[test]
fn trap_t9_lists_are_shown_without_hashes() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > auth bob:secret
        1 < auth ok @0
        1 > create /m x mine-readable
        1 < create /m @2
        1 > get-acl /m
        1 < getACL digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa,world:anyone:r @2
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        2 > get-acl /m
        2 < getACL digest:bob:x:cdrwa,world:anyone:r @3
        "#,
    );
}

#[test]
fn trap_t10_the_end_of_a_session_is_answered_and_then_the_server_hangs_up() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        hold
        1 > create /e x e
        1 > close
        1 > get /e
        persist
        1 < create /e @2
        1 < closeSession ok @3
        1 < closed
        "#,
    );
}

#[test]
fn trap_t11_a_body_that_cannot_be_read_is_answered_and_an_unknown_operation_is_cut_off() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > cut get /a
        1 < getData MarshallingError @1
        1 > cut create /a x
        1 < create MarshallingError @1
        1 > ping
        1 < ping ok @1
        1 > raw 0000000900000063
        1 < Unknown Unimplemented @-1
        1 < closed
        "#,
    );
}
