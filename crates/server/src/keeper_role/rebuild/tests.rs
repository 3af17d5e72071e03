use super::*;
use bytes::Bytes;
use clock::Now;
use disk::MemoryDisk;
use keeper::{ConnectionId, Effect, Input, Keeper};
use std::collections::VecDeque;
use std::path::Path;
use zookeeper_wire::jute::Writer;
use zookeeper_wire::{Acl, ConnectRequest, CreateRequest, Request, SessionId, Xid};

fn open(disk: &MemoryDisk) -> Result<Rebuilt<MemoryDisk>, String> {
    let at = Directories::single(Path::new("/keeper"));
    rebuild(
        disk,
        &at,
        LogPolicy::default(),
        EmptySnapshot::Refused,
        Blank { key: HashKey(7), extended_types: znode::ExtendedTypes::Off },
    )
}

#[test]
fn a_new_directory_gets_a_tree_and_a_snapshot() {
    let disk = MemoryDisk::new();
    let first = open(&disk).expect("a new directory");
    assert_eq!(first.last, Zxid::ZERO);
    let digest = first.database.tree().digest();
    drop(first);
    assert!(disk.exists(Path::new("/keeper/version-2/snapshot.0")));
    let again = open(&disk).expect("the same directory");
    assert_eq!((again.last, again.database.tree().digest()), (Zxid::ZERO, digest));
}

#[test]
fn what_a_start_reads_is_counted() {
    let disk = MemoryDisk::new();
    assert_eq!(open(&disk).expect("a new directory").started.transactions, 0);
    let mut client = Client::new(&disk);
    // With the session these are fewer than make a snapshot.
    (1..=3).for_each(|xid| client.create(xid));
    drop(client);
    assert_eq!(open(&disk).expect("a whole directory").started.transactions, 4);
}

/// A client's znodes, and what it was told of them.
struct Client {
    keeper: Keeper,
    writer: txnlog::LogWriter<MemoryDisk>,
    disk: MemoryDisk,
    /// When a write was acknowledged, as a count of the disk's operations, and which it was.
    acknowledged: Vec<(usize, String)>,
    /// What was asked and has no answer yet.
    asked: VecDeque<String>,
    now_ms: u64,
}

const CONNECTION: ConnectionId = ConnectionId(1);

impl Client {
    /// A server on a new directory with one session.
    fn new(disk: &MemoryDisk) -> Client {
        let first = open(disk).expect("a new directory");
        let config = keeper::KeeperConfig { snapshot_transactions: 12, ..keeper::KeeperConfig::default() };
        let keeper = Keeper::alone(config, first.database, Now::at_ms(0), 3);
        let (acknowledged, asked) = (Vec::new(), VecDeque::new());
        let mut client =
            Client { keeper, writer: first.writer, disk: disk.clone(), acknowledged, asked, now_ms: 0 };
        let peer = "127.0.0.1:1".parse().expect("an address");
        client.step(Input::Opened { connection: CONNECTION, peer });
        let mut hello = Writer::new();
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session: SessionId::NONE,
            password: Bytes::from_static(&[0; 16]),
            read_only: None,
        };
        request.encode(&mut hello);
        client.asked.push_back(String::new());
        client.step(Input::Received { connection: CONNECTION, frame: hello.finish() });
        client
    }

    fn create(&mut self, xid: i32) {
        let path = format!("/{xid}");
        let data = Some(Bytes::from(path.repeat(30)));
        let request = Request::Create(CreateRequest { path: path.clone(), data, acl: Acl::open(), flags: 0 });
        self.asked.push_back(path);
        self.step(Input::Received { connection: CONNECTION, frame: request.frame(Xid(xid)) });
    }

    /// Runs what follows from an input, as the edge does, but one thing after the other.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.keeper.step(Now::at_ms(self.now_ms), input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Persist { entries } => {
                        for entry in entries {
                            self.writer.append(entry.zxid, &entry.payload).expect("a good disk");
                        }
                        let upto = self.writer.commit().expect("a good disk");
                        inputs.push_back(Input::Persisted { upto });
                    }
                    Effect::Send { .. } => {
                        let what = self.asked.pop_front().expect("something was asked");
                        self.acknowledged.push((self.disk.operations(), what));
                    }
                    Effect::WriteSnapshot { snapshot } => {
                        self.writer.roll().expect("a good disk");
                        let at = Directories::single(Path::new("/keeper"));
                        write_snapshot(&self.disk, &at, &snapshot, Compression::None).expect("a good disk");
                        txnlog::purge(&self.disk, &at, 3).expect("a good disk");
                        inputs.push_back(Input::SnapshotWritten { zxid: snapshot.zxid() });
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

/// The whole store: node, log, snapshots, purge. Whatever the power takes, what a client was told is
/// there, and so is its session.
#[test]
fn after_a_cut_at_every_write_what_clients_were_told_is_there() {
    let disk = MemoryDisk::recording();
    let mut client = Client::new(&disk);
    for xid in 1..=40 {
        client.create(xid);
    }
    let at = Path::new("/keeper/version-2");
    let snapshots =
        disk.list(at).expect("it is there").into_iter().filter(|entry| entry.name.starts_with("snapshot."));
    assert!((3..=5).contains(&snapshots.count()), "snapshots were taken, and old ones removed");
    assert_eq!(client.acknowledged.len(), 41);
    let mut images = 0;
    for cut in disk.every_cut(9) {
        let told = client.acknowledged.iter().take_while(|(at, _)| *at <= cut.operations);
        let told: Vec<&str> = told.map(|(_, what)| what.as_str()).collect();
        if told.is_empty() {
            continue;
        }
        images += 1;
        let story = format!("{} operations, {:?}", cut.operations, cut.loss);
        let again = open(&cut.disk).unwrap_or_else(|error| panic!("{story}: {error}"));
        assert_eq!(again.database.sessions().len(), 1, "{story}");
        let tree = again.database.tree();
        for path in &told[1..] {
            let data = tree.find(path).and_then(|id| tree.data(id));
            assert_eq!(data, Some(path.repeat(30).as_bytes()), "{story}: {path}");
        }
    }
    assert!(images > 100, "{images}");
}
