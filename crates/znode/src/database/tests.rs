use zookeeper_wire::Acl;
use zookeeper_wire::txn::{CreateTxn, DeleteTxn};

use super::*;

fn apply(database: &mut Database, zxid: i64, txn: Txn) -> Outcome {
    let header =
        TxnHeader { session: SessionId(1), cxid: Xid(0), zxid: Zxid(zxid), time_ms: zxid, kind: txn.kind() };
    let mut watches = Watches::new(HashKey(0));
    database.apply(&header, &txn, &mut watches, &mut Vec::new())
}

fn create(path: &str, parent_cversion: i32) -> Txn {
    Txn::Create(CreateTxn {
        path: path.into(),
        data: None,
        acl: Acl::open(),
        ephemeral: false,
        parent_cversion,
    })
}

#[test]
fn sessions_come_and_go_by_transaction() {
    let mut database = Database::new(HashKey(0), crate::ExtendedTypes::On);
    apply(&mut database, 1, Txn::CreateSession { timeout_ms: 4000 });
    assert_eq!(database.sessions().get(&SessionId(1)), Some(&4000));
    let ephemeral = Txn::Create(CreateTxn {
        path: "/e".into(),
        data: None,
        acl: Acl::open(),
        ephemeral: true,
        parent_cversion: 1,
    });
    apply(&mut database, 2, ephemeral);
    // Old logs do not name the znodes.
    apply(&mut database, 3, Txn::CloseSession(None));
    assert_eq!((database.sessions().len(), database.tree().find("/e")), (0, None));
    assert_eq!(database.last_applied(), Zxid(3));
}

#[test]
fn replay_repairs_the_parent_and_nothing_else() {
    let mut database = Database::new(HashKey(0), crate::ExtendedTypes::On);
    apply(&mut database, 1, create("/p", 1));
    apply(&mut database, 5, create("/p/c", 3));
    let stat = |database: &Database| database.tree().stored_stat(database.tree().find("/p").unwrap());
    assert_eq!((stat(&database).child_version, stat(&database).pzxid), (3, Zxid(5)));
    assert_eq!(apply(&mut database, 4, create("/p/c", 2)), Outcome::Failed(ErrorCode::NODE_EXISTS));
    assert_eq!((stat(&database).child_version, stat(&database).pzxid), (3, Zxid(5)));
    assert_eq!(apply(&mut database, 7, create("/p/c", 4)), Outcome::Failed(ErrorCode::NODE_EXISTS));
    assert_eq!((stat(&database).child_version, stat(&database).pzxid), (4, Zxid(7)));
    let gone = Txn::Delete(DeleteTxn { path: "/p/x".into() });
    assert_eq!(apply(&mut database, 8, gone), Outcome::Failed(ErrorCode::NO_NODE));
    assert_eq!(stat(&database).pzxid, Zxid(8));
    // Logs older than 3.4 do not say the parent's version: it is counted up.
    apply(&mut database, 9, create("/p/d", -1));
    assert_eq!(stat(&database).child_version, 5);
}

#[test]
fn the_dead_are_buried_but_not_what_may_have_a_time_to_live() {
    let mut database = Database::new(HashKey(0), crate::ExtendedTypes::Off);
    let timed = SessionId(-0x0100_0000_0000_0000 | 60_000);
    for (zxid, session, path) in [(1, SessionId(1), "/a"), (2, SessionId(2), "/b"), (3, timed, "/t")] {
        let txn = Txn::Create(CreateTxn {
            path: path.into(),
            data: None,
            acl: Acl::open(),
            ephemeral: true,
            parent_cversion: -1,
        });
        let header = TxnHeader { session, cxid: Xid(0), zxid: Zxid(zxid), time_ms: 0, kind: txn.kind() };
        database.replay(&TxnEntry { header, txn, digest: None });
    }
    database.sessions.insert(SessionId(2), 1000);
    assert_eq!(database.bury_dead_sessions(), 1);
    let there: Vec<bool> =
        ["/a", "/b", "/t"].iter().map(|path| database.tree().find(path).is_some()).collect();
    assert_eq!(there, [false, true, true]);
}

/// A transaction log that Apache ZooKeeper 3.9.5 wrote for random requests, failures included: every
/// record is read and written again byte for byte, and every digest in it is reached.
#[test]
fn apache_zookeepers_log_leads_to_apache_zookeepers_digests() {
    let log = bytes::Bytes::from_static(include_bytes!("../../captures/apache-zookeeper-3.9.5.log"));
    let mut database = Database::new(HashKey(3), crate::ExtendedTypes::On);
    let (mut at, mut entries, mut digests) = (FILE_HEADER_BYTES, 0, 0);
    while at < log.len() {
        let length = i32::from_be_bytes(log[at + 8..at + 12].try_into().unwrap()) as usize;
        let payload = log.slice(at + 12..at + 12 + length);
        at += 12 + length + 1;
        let entry = TxnEntry::decode(payload.clone()).unwrap();
        let mut writer = zookeeper_wire::jute::Writer::new();
        entry.encode(&mut writer);
        assert_eq!(writer.finish(), payload, "{}", entry.header.zxid);
        database.replay(&entry);
        entries += 1;
        if let Some(digest) = entry.digest {
            assert_eq!(database.tree().digest() as i64, digest.tree, "{}", entry.header.zxid);
            digests += 1;
        }
    }
    assert_eq!((entries, digests, database.tree().len()), (454, 146, 35));
}

/// Magic, version and database id; the entries follow.
const FILE_HEADER_BYTES: usize = 16;
